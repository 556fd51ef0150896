"""Failures of tools, for APIs whose results have no field that tells of one. Pure."""

from __future__ import annotations

from gecholog.llm import json_text


def failure_text(words: str) -> str:
    """What a failed tool said, as the text of its result: a JSON object with the member `error`."""
    return json_text.dumps({"error": words}).decode()
