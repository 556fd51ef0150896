"""The response to a request to the Gemini API: whole, as server-sent events, or as the items of a JSON array. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

from gecholog import rawjson
from services.dummy import signature
from services.dummy.gemini import rules
from services.dummy.reply import Spent, Stream
from services.dummy.turn import Answer

EVENTS = "text/event-stream"
ARRAY = "application/json"

_numbers = count(1)
_WITH_IDS = "gemini-3"  # models whose calls have ids, by a part of their names

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """A response before it is sent. Each of the `candidates` has the same parts."""

    model: str
    response_id: str
    thoughts: tuple[Part, ...]
    parts: tuple[Part, ...]
    pieces: tuple[str, ...]
    signature: str
    finish_reason: str
    candidates: int
    spent: Spent


def content_of(model: str, answer: Answer, spent: Spent, *, shows_thoughts: bool, candidates: int) -> Content:
    """Return the response of an answer."""
    number = next(_numbers)
    thought = answer.thought
    parts = [_call_part(model, number, index, answer) for index in range(len(answer.calls))]
    return Content(
        model=model,
        response_id=f"response-{number}",
        thoughts=({"text": thought, "thought": True},) if thought and shows_thoughts else (),
        parts=tuple(parts),
        pieces=answer.text.pieces,
        signature=signature.sign(rules.TEXT, "") if thought and not parts else "",
        finish_reason="MAX_TOKENS" if answer.text.finish_reason == "length" else "STOP",
        candidates=candidates,
        spent=spent,
    )


def whole(content: Content) -> dict[str, Any]:
    """Return a response as it is sent without a stream."""
    text = "".join(content.pieces)
    signed = {"thoughtSignature": content.signature} if content.signature else {}
    texts = [{"text": text} | signed] if text else []
    return _response(content, [*content.thoughts, *content.parts, *texts], content.spent.completion, is_last=True)


def streamed(content: Content, content_type: str) -> Stream:
    """Return a stream of responses. A signature of text is in an empty part at the end."""
    said = content.spent.thinking
    head = [_response(content, [thought], said, is_last=False) for thought in content.thoughts]
    steps = [[part] for part in content.parts] or [[{"text": piece}] for piece in content.pieces]
    chunks = []
    for number, step in enumerate(steps):
        now = said + (content.spent.completion - said) * (number + 1) // len(steps)
        chunks.append(_response(content, step, now, is_last=False))
    end: Part = {"text": ""} | ({"thoughtSignature": content.signature} if content.signature else {})
    last = _response(content, [end], content.spent.completion, is_last=True)
    if content.parts:
        last = chunks.pop() | {"candidates": _candidates(content, steps[-1], is_last=True)}
    frames = _frames([*head, *chunks, last], content_type)
    first, middle = frames[: len(head)], frames[len(head) : -1]
    return Stream(b"".join(first), tuple(middle), frames[-1], content.spent, content_type=content_type)


def event(value: Any, content_type: str) -> bytes:
    """Encode a value in the middle of a stream, as its last one."""
    if content_type == EVENTS:
        return b"data: " + rawjson.dumps(value) + b"\r\n\r\n"
    return b",\r\n" + rawjson.dumps(value) + b"\r\n]"


def _call_part(model: str, number: int, index: int, answer: Answer) -> Part:
    """A call. Only the first of an answer has a signature."""
    call: dict[str, Any] = {"name": answer.calls[index].name, "args": answer.calls[index].arguments}
    part: Part = {"functionCall": call}
    if answer.thought and not index:
        part["thoughtSignature"] = signature.sign(rules.CALL, rules.signed(call))
    if _WITH_IDS in model:
        call["id"] = f"call-{number}-{index}"
    return part


def _frames(values: list[dict[str, Any]], content_type: str) -> list[bytes]:
    if content_type == EVENTS:
        return [event(value, EVENTS) for value in values]
    written = [b",\r\n" + rawjson.dumps(value) for value in values]
    written[0] = b"[" + written[0].removeprefix(b",\r\n")
    written[-1] += b"\r\n]"
    return written


def _response(content: Content, parts: list[Part], completion: int, *, is_last: bool) -> dict[str, Any]:
    return {
        "candidates": _candidates(content, parts, is_last=is_last),
        "usageMetadata": _usage(content.spent, completion),
        "modelVersion": content.model,
        "responseId": content.response_id,
    }


def _candidates(content: Content, parts: list[Part], *, is_last: bool) -> list[dict[str, Any]]:
    finish = {"finishReason": content.finish_reason} if is_last else {}
    return [
        {"content": {"parts": parts, "role": "model"}, **finish, "index": index} for index in range(content.candidates)
    ]


def _usage(spent: Spent, completion: int) -> dict[str, Any]:
    """The usage so far. Numbers that are 0 are left out, as the API leaves them out."""
    thoughts = min(spent.thinking, completion)
    used = {
        "promptTokenCount": spent.prompt,
        "cachedContentTokenCount": spent.cached,
        "candidatesTokenCount": completion - thoughts,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": spent.prompt + completion,
    }
    details = {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": spent.prompt}]}
    return {name: number for name, number in used.items() if number} | details
