"""dummy: a small OpenAI-compatible LLM for development, tests and load. Its responses repeat the request."""
