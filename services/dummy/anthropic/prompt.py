"""The prompt of a request to Anthropic's API: its tokens, those that are cached, and its last turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gecholog import rawjson
from services.dummy import tokens
from services.dummy.anthropic.rules import blocks, thinks
from services.dummy.fields import JsonBody
from services.dummy.generation import TextLimits
from services.dummy.prompt_cache import PromptCache
from services.dummy.turn import Output, Tool, Turn, tool_use_tokens

_PICTURE_TOKENS = 100  # of an image or a document, however large


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """The tokens of a prompt: all of them, those read from the cache, and those written to it."""

    all: int
    cached: int
    cache_written: int


def prompt_tokens(body: JsonBody, cache: PromptCache | None) -> PromptTokens:
    """Count the tokens of a prompt. Without a cache, none are cached."""
    parts = _parts(body)
    total = sum(map(_tokens, parts))
    ends = [index + 1 for index, part in enumerate(parts) if part.get("cache_control") is not None]
    if body.get("cache_control") is not None:
        ends.append(len(parts))
    if cache is None or not ends:
        return PromptTokens(total, 0, 0)
    model, beginnings = body["model"], {end: _beginning(parts[:end]) for end in ends}
    read = max((end for end in ends if cache.has(model, beginnings[end])), default=0)
    for beginning in beginnings.values():
        cache.add(model, beginning)
    cached = sum(map(_tokens, parts[:read]))
    return PromptTokens(total, cached, sum(map(_tokens, parts[: max(ends)])) - cached)


def turn_of(body: JsonBody, chunks: int) -> Turn:
    """Return the last turn of a conversation."""
    messages = body["messages"]
    last = blocks(messages[-1]["content"])
    results = tuple(_text(block) for block in last if block["type"] == "tool_result")
    choice = body.get("tool_choice") or {}
    return Turn(
        words=_words(messages),
        results=results,
        called=_called(messages),
        tools=_tools(body, choice),
        must_call=choice.get("type") in {"any", "tool"},
        one_by_one=bool(choice.get("disable_parallel_tool_use")),
        thinks=thinks(body),
        output=_output(body),
        limits=TextLimits(body["max_tokens"], tuple(body.get("stop_sequences", ())), chunks),
    )


def _parts(body: JsonBody) -> list[JsonBody]:
    """Return tools, system text and the blocks of messages, in the order in which the cache has them."""
    parts = [*(body.get("tools") or []), *blocks(body.get("system") or [])]
    for message in body["messages"]:
        parts += blocks(message["content"])
    return parts


def _beginning(parts: list[JsonBody]) -> bytes:
    return rawjson.dumps([{name: value for name, value in part.items() if name != "cache_control"} for part in parts])


def _tokens(part: JsonBody) -> int:
    match part.get("type"):
        case "text" | "tool_result":
            return tokens.count(_text(part))
        case "thinking":
            return tokens.count(part["thinking"])
        case "tool_use":
            return tool_use_tokens(part["name"], part["input"])
        case "image" | "document":
            return _PICTURE_TOKENS
        case _:
            return tokens.count(rawjson.dumps(part).decode())


def _text(block: JsonBody) -> str:
    if block["type"] == "text":
        return str(block["text"])
    content = block.get("content", "")
    return "".join(part.get("text", "") for part in blocks(content)) if block["type"] == "tool_result" else ""


def _words(messages: list[JsonBody]) -> str:
    """Return the last text of the user."""
    for message in reversed(messages):
        if message["role"] == "user":
            words = "".join(block["text"] for block in blocks(message["content"]) if block["type"] == "text")
            if words:
                return words
    return ""


def _called(messages: list[JsonBody]) -> tuple[str, ...]:
    """Return the names of the tools that were called since the user's last text."""
    called: list[str] = []
    for message in reversed(messages):
        content = blocks(message["content"])
        if message["role"] == "user" and any(block["type"] == "text" for block in content):
            break
        called += [block["name"] for block in content if block["type"] == "tool_use"]
    return tuple(called)


def _tools(body: JsonBody, choice: dict[str, Any]) -> tuple[Tool, ...]:
    listed = body.get("tools") or []
    tools = [Tool(tool["name"], tool["input_schema"]) for tool in listed if "input_schema" in tool]
    if choice.get("type") == "none":
        return ()
    return tuple(tool for tool in tools if choice.get("type") != "tool" or tool.name == choice["name"])


def _output(body: JsonBody) -> Output:
    form = (body.get("output_config") or {}).get("format") or body.get("output_format")
    return Output(is_json=True, schema=form["schema"]) if form else Output()
