"""tokenizer: counts the tokens of requests and responses with one tokenizer for all models."""
