"""Prompts and answers as attributes, which the sink exports only if its config has `capture_content`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gecholog import rawjson
from gecholog.llm import payload_text
from gecholog.llm.payload_text import PayloadText
from services.nats2log.traces import semantics
from services.nats2log.traces.span import Attribute

_LONGEST = 64 * 1024  # characters of one text; receivers refuse spans of several megabytes
_ROLES = {payload_text.THINKING: payload_text.ASSISTANT, payload_text.TOOL_CALL: payload_text.ASSISTANT}
_TYPES = {payload_text.THINKING: "reasoning", payload_text.TOOL_CALL: "tool_call"}


def content(request: Any, response: Any) -> dict[str, Attribute]:
    """The messages of a request and of the answer to it, as JSON texts in the form of the conventions."""
    found = {
        semantics.INPUT_MESSAGES: _messages(payload_text.asked(request)),
        semantics.OUTPUT_MESSAGES: _messages(payload_text.answered(response)),
    }
    return {name: rawjson.dumps(messages).decode() for name, messages in found.items() if messages}


def _messages(texts: Iterable[PayloadText]) -> list[dict[str, Any]]:
    """One message for each run of texts of one role."""
    messages: list[dict[str, Any]] = []
    for one in texts:
        role = _ROLES.get(one.role, one.role)
        if not messages or messages[-1]["role"] != role:
            messages.append({"role": role, "parts": []})
        key = "arguments" if one.role == payload_text.TOOL_CALL else "content"
        messages[-1]["parts"].append({"type": _TYPES.get(one.role, "text"), key: one.text[:_LONGEST]})
    return messages
