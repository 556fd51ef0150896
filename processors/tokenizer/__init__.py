"""tokenizer: counts the tokens of requests and answers with one tokenizer, whatever the model says."""
