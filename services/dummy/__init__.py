"""dummy: a small OpenAI-compatible LLM that answers from the request. For development, tests and load."""
