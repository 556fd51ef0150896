"""The sinks: read records from the bus and write them to a file, a REST API, Elasticsearch or Azure."""
