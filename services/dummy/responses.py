"""`/v1/responses`: what the user said last comes back, or a call of the tool that the request forces."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import count
from typing import Any

from gecholog import rawjson
from services.dummy import fields, generation, reply, tokens, tools
from services.dummy.fields import JsonBody
from services.dummy.generation import GeneratedText
from services.dummy.reply import Reply, Stream

_numbers = count(1)
# What a response repeats of its request (https://platform.openai.com/docs/api-reference/responses/object).
_REPEATED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
}


def answer(body: JsonBody, chunks: int) -> Reply:
    """The response to a request. Raises ApiError."""
    model = fields.text(body, "model")
    streamed = fields.truth(body, "stream")
    said = _said(fields.required(body, "input"))
    limits = generation.text_limits(body, chunks, "max_output_tokens")
    number = next(_numbers)
    prompt = tokens.count(str(body.get("instructions") or "")) + sum(map(tokens.count, said))
    words = said[-1] if said else ""
    forced = tools.forced(_as_chat(body))
    if forced is not None:
        call = tools.call(forced, words, str(number))
        item = _call_item(call, number)
        used = reply.usage(prompt, tools.count(call))
        whole = _response(body, number, [item], used, "completed")
        made = _events(whole, item, (item["arguments"],)) if streamed else reply.json_reply(whole)
        return reply.spent_on(made, model, used)
    written = generation.generate(words, limits)
    item = _message_item(written, number)
    status = "incomplete" if written.finish_reason == "length" else "completed"
    used = reply.usage(prompt, written.tokens)
    whole = _response(body, number, [item], used, status)
    made = _events(whole, item, written.pieces) if streamed else reply.json_reply(whole)
    return reply.spent_on(made, model, used)


def _said(given: Any) -> list[str]:
    """What the user said, in one text or in messages."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list):
        raise fields.wrong("input", "a string or a list of items")
    messages = [item for item in given if isinstance(item, dict) and item.get("role") == "user"]
    return [_text(message.get("content")) for message in messages]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _as_chat(body: JsonBody) -> JsonBody:
    """Tools and their choice as chat completions have them: a level deeper."""
    listed = body.get("tools")
    functions = [tool for tool in listed if isinstance(tool, dict)] if isinstance(listed, list) else []
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        choice = {"type": "function", "function": {"name": choice.get("name")}}
    return {"tools": [{"type": "function", "function": tool} for tool in functions], "tool_choice": choice}


def _message_item(written: GeneratedText, number: int) -> dict[str, Any]:
    content = [{"type": "output_text", "text": written.text, "annotations": [], "logprobs": []}]
    return {
        "id": f"msg_{number}",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": content,
    }


def _call_item(call: tools.ToolCall, number: int) -> dict[str, Any]:
    return {
        "id": f"fc_{number}",
        "type": "function_call",
        "status": "completed",
        "call_id": call["id"],
        "name": call["function"]["name"],
        "arguments": call["function"]["arguments"],
    }


def _response(
    body: JsonBody, number: int, output: list[dict[str, Any]], used: dict[str, int], status: str
) -> dict[str, Any]:
    usage = {
        "input_tokens": used["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": used["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": used["total_tokens"],
    }
    repeated = {name: usual if body.get(name) is None else body[name] for name, usual in _REPEATED.items()}
    incomplete = {"reason": "max_output_tokens"} if status == "incomplete" else None
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": None,
        "incomplete_details": incomplete,
        "model": body["model"],
        "output": output,
        "usage": usage,
        **repeated,
    }


# ------------------------------------------------------------------ the stream


def _events(whole: dict[str, Any], item: dict[str, Any], pieces: tuple[str, ...]) -> Stream:
    """The typed events of a response, numbered from 0."""
    begun = {**whole, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    begin = _opening(item)
    is_call = item["type"] == "function_call"
    at = {"item_id": item["id"], "output_index": 0} | ({} if is_call else {"content_index": 0})
    kind = "response.function_call_arguments" if is_call else "response.output_text"
    more: dict[str, Any] = {} if is_call else {"logprobs": []}
    head: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": begin},
    ]
    tail: list[dict[str, Any]]
    if is_call:
        tail = [{"type": f"{kind}.done", **at, "name": item["name"], "arguments": item["arguments"]}]
    else:
        part = item["content"][0]
        head.append({"type": "response.content_part.added", **at, "part": part | {"text": ""}})
        tail = [
            {"type": f"{kind}.done", **at, "text": part["text"], **more},
            {"type": "response.content_part.done", **at, "part": part},
        ]
    tail += [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": f"response.{whole['status']}", "response": whole},
    ]
    chunks = [{"type": f"{kind}.delta", **at, "delta": piece, **more} for piece in pieces]
    numbers = count()
    return Stream(
        head=_written(head, numbers),
        chunks=tuple(_written([chunk], numbers) for chunk in chunks),
        tail=_written(tail, numbers),
    )


def _opening(item: dict[str, Any]) -> dict[str, Any]:
    """An item before there is anything in it."""
    empty: dict[str, Any] = {"arguments": ""} if item["type"] == "function_call" else {"content": []}
    return item | {"status": "in_progress"} | empty


def _written(events: Iterable[dict[str, Any]], numbers: Iterable[int]) -> bytes:
    """Server-sent events with their types as names."""
    parts = []
    for event, number in zip(events, numbers, strict=False):
        data = rawjson.dumps(event | {"sequence_number": number})
        parts.append(b"event: " + event["type"].encode() + b"\ndata: " + data + b"\n\n")
    return b"".join(parts)
