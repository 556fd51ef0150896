"""The rules between the parts of a conversation in Anthropic's API: roles, results of tools, thinking, its signatures.

A request has passed the checks of its form before. Roles have to alternate, as they once had to at Anthropic and still
have to at others that take this format: who translates a conversation into it should join messages of one role.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from services.dummy import signature
from services.dummy.anthropic.form import wrong
from services.dummy.api_error import ApiError
from services.dummy.fields import JsonBody

THOUGHT = "thinking"
REDACTED = "redacted_thinking"
# Ids of calls that followed a thought: it has to come back with them.
THOUGHTFUL = "toolu_thought_"

_MOST_CACHED = 4  # blocks with cache_control
_THOUGHTS = frozenset({THOUGHT, REDACTED})
_BLANKS = " \n\t\r"


def check(body: JsonBody) -> None:
    """Check a request. Raises ApiError."""
    messages = body["messages"]
    if not messages:
        raise wrong("messages", "at least one message is required")
    _roles(messages)
    _contents(body, messages)
    _results(messages)
    _signatures(messages)
    _thinking(body, messages)
    if sum(_cached(body)) > _MOST_CACHED:
        message = f"A maximum of {_MOST_CACHED} blocks with cache_control may be provided. Found {sum(_cached(body))}."
        raise ApiError(message)


def blocks(content: Any) -> list[JsonBody]:
    """Return the blocks of a message; a text is one block."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def thinks(body: JsonBody) -> bool:
    """Tell whether a request asks for thinking."""
    thinking: JsonBody = body.get("thinking") or {"type": "disabled"}
    return bool(thinking["type"] != "disabled")


def _roles(messages: list[JsonBody]) -> None:
    if messages[0]["role"] != "user":
        raise wrong("messages", 'first message must use the "user" role')
    for before, after in pairwise(messages):
        if before["role"] == after["role"]:
            names = f'"{after["role"]}"'
            problem = f'roles must alternate between "user" and "assistant", but found multiple {names} roles in a row'
            raise wrong("messages", problem)


def _contents(body: JsonBody, messages: list[JsonBody]) -> None:
    last = len(messages) - 1
    for index, message in enumerate(messages):
        content = message["content"]
        if not content and not (index == last and message["role"] == "assistant"):
            problem = "all messages must have non-empty content except for the optional final assistant message"
            raise wrong(f"messages.{index}", problem)
        if any(block.get("text") == "" for block in blocks(content) if block["type"] == "text" and content):
            raise wrong("messages", "text content blocks must be non-empty")
    if any(not block["text"] for block in blocks(body.get("system") or [])):
        raise wrong("system", "text content blocks must be non-empty")
    end = blocks(messages[-1]["content"])[-1:] if messages[-1]["role"] == "assistant" else []
    if end and end[0].get("text", "")[-1:] in _BLANKS and end[0].get("text"):
        raise wrong("messages", "final assistant content cannot end with trailing whitespace")


def _results(messages: list[JsonBody]) -> None:
    """Each call of a tool needs its result at the beginning of the next message, and each result its call."""
    open_calls: list[str] = []
    for index, message in enumerate(messages):
        content = blocks(message["content"])
        results = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
        for place, one in enumerate(results):
            if one not in open_calls:
                problem = (
                    f"unexpected `tool_use_id` found in `tool_result` blocks: {one}. Each `tool_result` block must have"
                    " a corresponding `tool_use` block in the previous message."
                )
                raise wrong(f"messages.{index}.content.{place}", problem)
            if one in results[:place]:
                raise wrong(f"messages.{index}.content.{place}", "each tool_use must have a single result")
        first = [block["type"] for block in content[: len(results)]]
        missing = [one for one in open_calls if one not in results]
        if missing or first != ["tool_result"] * len(results):
            problem = (
                f"`tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing or open_calls)}. Each `tool_use` block must have a corresponding `tool_result` "
                "block in the next message."
            )
            raise wrong(f"messages.{max(0, index - 1)}", problem)
        open_calls = [block["id"] for block in content if block["type"] == "tool_use"]
        if len(set(open_calls)) < len(open_calls):
            raise wrong("messages", "`tool_use` ids must be unique")
    if open_calls:
        raise wrong(f"messages.{len(messages) - 1}", "`tool_use` blocks are not allowed in a final assistant message")


def _signatures(messages: list[JsonBody]) -> None:
    for index, message in enumerate(messages):
        for place, block in enumerate(blocks(message["content"])):
            where = f"messages.{index}.content.{place}"
            if block["type"] == THOUGHT and not signature.is_valid(block["signature"], THOUGHT, block["thinking"]):
                raise wrong(where, "Invalid `signature` in `thinking` block")
            if block["type"] == REDACTED and not signature.is_sealed(REDACTED, block["data"]):
                raise wrong(where, "Invalid `data` in `redacted_thinking` block")


def _thinking(body: JsonBody, messages: list[JsonBody]) -> None:
    """What excludes thinking; and before the last calls of tools, the thought that led to them has to be there."""
    if not thinks(body):
        return
    thinking = body["thinking"]
    if thinking["type"] == "enabled" and thinking["budget_tokens"] >= body.get(
        "max_tokens", thinking["budget_tokens"] + 1
    ):
        raise ApiError("`max_tokens` must be greater than `thinking.budget_tokens`.", param="max_tokens")
    if (body.get("tool_choice") or {}).get("type") in {"any", "tool"}:
        raise ApiError("Thinking may not be enabled when tool_choice forces tool use.", param="tool_choice")
    if body.get("temperature", 1) != 1:
        raise ApiError("`temperature` may only be set to 1 when thinking is enabled.", param="temperature")
    if body.get("top_k") is not None:
        raise ApiError("`top_k` must be unset when thinking is enabled.", param="top_k")
    if messages[-1]["role"] == "assistant":
        raise ApiError("Prefilling assistant messages is not supported with thinking.", param="messages")
    _thought_is_back(messages, is_needed=thinking["type"] == "enabled")


def _thought_is_back(messages: list[JsonBody], *, is_needed: bool) -> None:
    """With adaptive thinking only the thoughts have to come back that there were, as the ids of the calls tell."""
    if len(messages) < 2 or not any(block["type"] == "tool_result" for block in blocks(messages[-1]["content"])):  # noqa: PLR2004 - a call and its result
        return
    index, content = len(messages) - 2, blocks(messages[-2]["content"])
    calls = [block for block in content if block["type"] == "tool_use"]
    was_there = any(block["id"].startswith(THOUGHTFUL) for block in calls)
    if content[0]["type"] not in _THOUGHTS and (is_needed or was_there):
        problem = (
            f"Expected `thinking` or `redacted_thinking`, but found `{content[0]['type']}`. When `thinking` is enabled,"
            " a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use`"
            " and `tool_result` blocks)."
        )
        raise wrong(f"messages.{index}.content.0.type", problem)


def _cached(body: JsonBody) -> list[bool]:
    parts = [*(body.get("tools") or []), *blocks(body.get("system") or [])]
    for message in body["messages"]:
        parts += blocks(message["content"])
    return [part.get("cache_control") is not None for part in parts]
