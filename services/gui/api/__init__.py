"""The management API: what the pages do, as JSON, and the OpenAPI document that its types make."""
