"""The record sinks: records come from the bus and are written to a file, a REST API, Elasticsearch or Azure."""
