"""OpenAI chat completions (https://platform.openai.com/docs/api-reference/chat)."""
