"""The headers of requests to upstreams and of replies."""
