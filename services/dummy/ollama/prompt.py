"""The prompt of a request to Ollama's API: its tokens and its last turn. Pure."""

from __future__ import annotations

from typing import Any

from gecholog import rawjson
from services.dummy import tokens
from services.dummy.fields import JsonBody
from services.dummy.generation import TextLimits
from services.dummy.turn import Output, Tool, Turn, tool_use_tokens

_PICTURE_TOKENS = 100


def prompt_tokens(body: JsonBody) -> int:
    """Count the tokens of a prompt."""
    texts = tokens.count(body.get("prompt") or "") + tokens.count(body.get("system") or "")
    pictures = _PICTURE_TOKENS * len(body.get("images") or ())
    tools = sum(tokens.count(rawjson.dumps(tool).decode()) for tool in body.get("tools") or ())
    return texts + pictures + tools + sum(_message_tokens(message) for message in body.get("messages") or ())


def turn_of(body: JsonBody, chunks: int) -> Turn:
    """Return the last turn of a conversation. Text to be completed is one of a single message."""
    messages = body.get("messages") or [{"role": "user", "content": body.get("prompt") or ""}]
    last = next((index for index in reversed(range(len(messages))) if messages[index].get("role") == "user"), -1)
    since = messages[last + 1 :]
    results = since if messages[-1].get("role") == "tool" else []
    while any(message.get("role") != "tool" for message in results):
        results = results[1:]
    return Turn(
        words=messages[last].get("content") or "" if last >= 0 else "",
        results=tuple(message.get("content") or "" for message in results),
        called=tuple(
            _function(call).get("name") or "" for message in since for call in message.get("tool_calls") or ()
        ),
        tools=_tools(body.get("tools") or ()),
        thinks=bool(body.get("think")),
        output=_output(body.get("format")),
        limits=_limits(body.get("options") or {}, chunks),
    )


def _tools(listed: Any) -> tuple[Tool, ...]:
    functions = list(map(_function, listed))
    return tuple(Tool(one["name"], one.get("parameters")) for one in functions if one.get("name"))


def _function(tool: JsonBody) -> JsonBody:
    return tool.get("function") or {}


def _output(form: Any) -> Output:
    return Output(is_json=True, schema=form if isinstance(form, dict) else None) if form else Output()


def _limits(options: JsonBody, chunks: int) -> TextLimits:
    most, stops = options.get("num_predict", -1), options.get("stop") or ()
    stops = stops if isinstance(stops, list) else [stops]
    is_limit = isinstance(most, int) and most >= 0
    return TextLimits(
        most if is_limit else None, tuple(stop for stop in stops if isinstance(stop, str) and stop), chunks
    )


def _message_tokens(message: JsonBody) -> int:
    calls = [_function(call) for call in message.get("tool_calls") or ()]
    pictures = _PICTURE_TOKENS * len(message.get("images") or ())
    called = sum(tool_use_tokens(call.get("name") or "", call.get("arguments") or {}) for call in calls)
    return tokens.count(message.get("content") or "") + tokens.count(message.get("thinking") or "") + pictures + called
