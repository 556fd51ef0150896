"""Anthropic messages (https://docs.anthropic.com/en/api/messages)."""
