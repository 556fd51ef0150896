"""Extracts the texts of a payload of any API, with their roles. Pure functions.

It knows the payloads of OpenAI (chat completions, responses, completions, embeddings) and compatible APIs, Anthropic
messages, Gemini and Ollama. A stream that gl has folded has the form of a response. Members that are not part of the
conversation (tool definitions, log probabilities, settings) are skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gecholog import rawjson

SYSTEM = "system"
USER = "user"
ASSISTANT = "assistant"
TOOL = "tool"
THINKING = "thinking"
TOOL_CALL = "tool_call"
ROLES = frozenset({SYSTEM, USER, ASSISTANT, TOOL, THINKING, TOOL_CALL})


@dataclass(frozen=True, slots=True)
class PayloadText:
    """A text and its role.

    `role` is one of ROLES: `system` (or developer), `user` (and whoever is not known), `assistant`, `tool` (what a tool
    gave back), and of an assistant apart: `thinking` and `tool_call` (the arguments, as JSON).
    """

    role: str
    text: str


# Where the texts of a payload are, in the order in which they are given, and who says them unless they tell it.
_ASKED = {
    "system": SYSTEM,  # Anthropic, Ollama
    "instructions": SYSTEM,  # OpenAI responses
    "systemInstruction": SYSTEM,  # Gemini
    "system_instruction": SYSTEM,
    "messages": USER,  # OpenAI chat, Anthropic, Ollama
    "input": USER,  # OpenAI responses, embeddings
    "contents": USER,  # Gemini
    "content": USER,  # Gemini's embeddings
    "prompt": USER,  # OpenAI completions, Ollama
    "suffix": USER,
}
_ANSWERED = {
    "thinking": THINKING,  # Ollama's generate
    "choices": ASSISTANT,  # OpenAI chat, completions
    "output": ASSISTANT,  # OpenAI responses
    "candidates": ASSISTANT,  # Gemini
    "content": ASSISTANT,  # Anthropic
    "message": ASSISTANT,  # Ollama's chat
    "response": ASSISTANT,  # Ollama's generate
}
# What leads to texts inside messages, items, blocks and parts; None: said by the one who says the whole.
_INSIDE: dict[str, str | None] = {
    "thinking": THINKING,
    "reasoning_content": THINKING,
    "reasoning": THINKING,
    "summary": THINKING,
    "message": None,
    "content": None,
    "parts": None,
    "text": None,
    "refusal": None,
    "output": None,
    "tool_calls": TOOL_CALL,
    "function": TOOL_CALL,
    "custom": TOOL_CALL,
    "function_call": TOOL_CALL,
    "functionCall": TOOL_CALL,
    "functionResponse": TOOL,
}
# Values that are texts as they stand: JSON if they are no strings.
_WHOLE = {"arguments": TOOL_CALL, "args": TOOL_CALL, "input": TOOL_CALL, "response": TOOL}
_BY_TYPE = {
    "thinking": THINKING,
    "reasoning": THINKING,
    "tool_use": TOOL_CALL,
    "server_tool_use": TOOL_CALL,
    "function_call": TOOL_CALL,
    "custom_tool_call": TOOL_CALL,
    "mcp_call": TOOL_CALL,
    "tool_result": TOOL,
    "function_call_output": TOOL,
    "custom_tool_call_output": TOOL,
}
_BY_ROLE = {"developer": SYSTEM, "system": SYSTEM, "assistant": ASSISTANT, "model": ASSISTANT, "tool": TOOL}
_BY_ROLE["function"] = TOOL
_DEEPEST = 16  # levels below a payload; the deepest text of a known API is on the eighth


def asked(body: Any) -> tuple[PayloadText, ...]:
    """The non-empty texts of a request's payload (decoded JSON). A string payload has the role of the user."""
    return _texts(body, _ASKED, USER)


def answered(body: Any) -> tuple[PayloadText, ...]:
    """The non-empty texts of a response's payload (decoded JSON). A string payload has the role of the assistant."""
    return _texts(body, _ANSWERED, ASSISTANT)


def payload(fields: Mapping[str, Any], *names: str) -> Any:
    """The value of the first of `names` that `fields` contains. If it contains none, raises what `fields` raises."""
    return fields[next((name for name in names if name in fields), names[0])]


def said_by(texts: Iterable[PayloadText], *roles: str) -> Iterator[str]:
    """The texts that have one of `roles`."""
    return (item.text for item in texts if item.role in roles)


def strings(value: Any) -> Iterator[str]:
    """All non-empty strings in a decoded JSON value, without member names. For unknown payloads."""
    left = [value]
    while left:  # no recursion: a payload may be nested deeper than Python's stack
        item = left.pop()
        if isinstance(item, str):
            if item:
                yield item
        elif isinstance(item, list):
            left.extend(reversed(item))
        elif isinstance(item, dict):
            left.extend(reversed(item.values()))


def _texts(body: Any, members: Mapping[str, str], role: str) -> tuple[PayloadText, ...]:
    return tuple(text for text in _top(body, members, role) if text.text)


def _top(body: Any, members: Mapping[str, str], role: str) -> Iterator[PayloadText]:
    if isinstance(body, str):
        yield PayloadText(role, body)
    for part in body if isinstance(body, list) else [body]:
        if isinstance(part, dict):
            for name, speaker in members.items():
                if name in part:
                    yield from _walk(part[name], speaker, _DEEPEST)


def _walk(value: Any, role: str, depth: int) -> Iterator[PayloadText]:
    if isinstance(value, str):
        yield PayloadText(role, value)
    elif depth == 0:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item, role, depth - 1)
    elif isinstance(value, dict):
        yield from _said_in(value, _speaker(value, role), depth - 1)


def _said_in(item: dict[str, Any], role: str, depth: int) -> Iterator[PayloadText]:
    for name, speaker in _INSIDE.items():
        if name in item:
            yield from _walk(item[name], speaker or role, depth)
    for name, speaker in _WHOLE.items():
        if name in item:
            yield PayloadText(speaker, _whole(item[name]))
    match item.get("source"):  # Anthropic's documents; an image has its bytes here, a search result its address
        case {"type": "text", "data": str(document)}:
            yield PayloadText(role, document)
        case {"type": "content", "content": blocks}:
            yield from _walk(blocks, role, depth)


def _speaker(item: dict[str, Any], role: str) -> str:
    """The role of `item`; `role` is that of the object that contains it."""
    kind, own = item.get("type"), item.get("role")
    if isinstance(kind, str) and kind in _BY_TYPE:
        return _BY_TYPE[kind]
    if item.get("thought") is True:  # Gemini
        return THINKING
    return _BY_ROLE.get(own, USER) if isinstance(own, str) else role


def _whole(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return rawjson.dumps(value).decode("utf-8")
    except ValueError:  # nested too deeply to be anybody's arguments
        return ""
