"""dummy: small LLM APIs for development, tests and load. Their responses repeat the request."""
