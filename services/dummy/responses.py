"""`/v1/responses`: answers with text, or calls tools."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import count, takewhile
from typing import Any

from gecholog import rawjson
from services.dummy import fields, generation, reply, tokens, tools, turn
from services.dummy.fields import JsonBody
from services.dummy.generation import GeneratedText, TextLimits
from services.dummy.reply import Reply, Stream
from services.dummy.turn import Output, Turn

_numbers = count(1)

Event = dict[str, Any]
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
    items = _items(fields.required(body, "input"))
    number = next(_numbers)
    said = [_text(item.get("content")) for item in items if item.get("role") == "user"]
    results = [_text(item.get("output")) for item in items if item.get("type") == "function_call_output"]
    prompt = tokens.count(str(body.get("instructions") or "")) + sum(map(tokens.count, (*said, *results)))
    answered = turn.answer(_turn(body, items, generation.text_limits(body, chunks, "max_output_tokens")))
    calls = [tools.call_of(use, f"{number}_{index}") for index, use in enumerate(answered.calls)]
    output = [_call_item(call, f"{number}_{index}") for index, call in enumerate(calls)]
    pieces = tuple(item["arguments"] for item in output)
    if not output:
        output, pieces = [_message_item(answered.text, number)], answered.text.pieces
    status = "incomplete" if answered.text.finish_reason == "length" else "completed"
    used = reply.usage(prompt, answered.tokens)
    whole = _response(body, number, output, used, status)
    made = _events(whole, pieces) if streamed else reply.json_reply(whole)
    return reply.spent_on(made, model, used)


def _items(given: Any) -> list[JsonBody]:
    """The input as items: one text is a message."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise fields.wrong("input", "a string or a list of items")
    return [item for item in given if isinstance(item, dict)]


def _turn(body: JsonBody, items: list[JsonBody], limits: TextLimits) -> Turn:
    last = max((index for index, item in enumerate(items) if item.get("role") == "user"), default=-1)
    since = items[last + 1 :]
    results = list(takewhile(lambda item: item.get("type") == "function_call_output", reversed(items)))
    as_chat = _as_chat(body)
    return Turn(
        words=_text(items[last].get("content")) if last >= 0 else "",
        results=tuple(_text(item.get("output")) for item in reversed(results)),
        called=tuple(str(item.get("name")) for item in since if item.get("type") == "function_call"),
        tools=tools.allowed(as_chat),
        must_call=tools.forced(as_chat) is not None,
        one_by_one=body.get("parallel_tool_calls") is False,
        output=_output(body.get("text")),
        limits=limits,
    )


def _output(text: Any) -> Output:
    match text:
        case {"format": {"type": "json_schema", "schema": dict(schema)}}:
            return Output(is_json=True, schema=schema)
        case {"format": {"type": "json_object"}}:
            return Output(is_json=True)
    return Output()


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


def _call_item(call: tools.ToolCall, number: str) -> dict[str, Any]:
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


def _events(whole: dict[str, Any], pieces: tuple[str, ...]) -> Stream:
    """The typed events of a response, numbered from 0. Pieces of text, or calls of tools, are its chunks."""
    begun = {**whole, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    head: list[Event] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    chunks: list[list[Event]] = []
    tail: list[Event] = []
    for index, item in enumerate(whole["output"]):
        before, deltas, after = _item_events(index, item, pieces)
        if chunks:
            deltas[0] = [*tail, *before, *deltas[0]]
        else:
            head += before
        chunks += deltas
        tail = after
    tail.append({"type": f"response.{whole['status']}", "response": whole})
    numbers = count()
    return Stream(
        head=_written(head, numbers),
        chunks=tuple(_written(chunk, numbers) for chunk in chunks),
        tail=_written(tail, numbers),
    )


def _item_events(
    index: int, item: dict[str, Any], pieces: tuple[str, ...]
) -> tuple[list[Event], list[list[Event]], list[Event]]:
    """The events of one item: those before its content, for each chunk of it, and behind it."""
    at: dict[str, Any] = {"item_id": item["id"], "output_index": index}
    before: list[Event] = [{"type": "response.output_item.added", "output_index": index, "item": _opening(item)}]
    done: Event = {"type": "response.output_item.done", "output_index": index, "item": item}
    if item["type"] == "function_call":
        kind = "response.function_call_arguments"
        deltas: list[list[Event]] = [[{"type": f"{kind}.delta", **at, "delta": item["arguments"]}]]
        return (
            before,
            deltas,
            [{"type": f"{kind}.done", **at, "name": item["name"], "arguments": item["arguments"]}, done],
        )
    kind, part = "response.output_text", item["content"][0]
    at["content_index"] = 0
    before.append({"type": "response.content_part.added", **at, "part": part | {"text": ""}})
    deltas = [[{"type": f"{kind}.delta", **at, "delta": piece, "logprobs": []}] for piece in pieces]
    after: list[Event] = [
        {"type": f"{kind}.done", **at, "text": part["text"], "logprobs": []},
        {"type": "response.content_part.done", **at, "part": part},
        done,
    ]
    return before, deltas, after


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
