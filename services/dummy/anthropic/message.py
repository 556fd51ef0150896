"""The message that answers a request in Anthropic's API: whole, and as the events of a stream. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from gecholog import rawjson
from services.dummy import signature
from services.dummy.anthropic.prompt import PromptTokens
from services.dummy.anthropic.rules import REDACTED, THOUGHT, THOUGHTFUL
from services.dummy.reply import Spent, Stream
from services.dummy.turn import Answer

# Anthropic's own trigger for tests (https://platform.claude.com/docs/en/build-with-claude/extended-thinking).
REDACT = "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING"

_numbers = count(1)
_ONCE = ("service_tier", "inference_geo")  # of usage: at the beginning of a stream
_FRAGMENT = 12  # characters of the arguments of a tool in one event

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A message before it is sent. `blocks` are its whole blocks."""

    model: str
    number: int
    blocks: tuple[dict[str, Any], ...]
    pieces: tuple[str, ...]
    stop_reason: str
    stop_sequence: str | None
    usage: dict[str, Any]
    spent: Spent


def message_of(model: str, answer: Answer, prompt: PromptTokens, *, redacts: bool, omits: bool) -> Message:
    """Return the message of an answer. Thoughts may be redacted, or omitted so that only their signature is left."""
    number = next(_numbers)
    content = [_thought(answer.thought, redacts=redacts, omits=omits)] if answer.thought else []
    before = THOUGHTFUL if answer.thought else "toolu_"
    content += [
        {
            "type": "tool_use",
            "id": f"{before}{number}_{index}",
            "name": call.name,
            "input": call.arguments,
            "caller": {"type": "direct"},
        }
        for index, call in enumerate(answer.calls)
    ]
    if answer.text.text:
        content.append({"type": "text", "text": answer.text.text})
    thought = answer.thought_tokens
    spent = Spent(model, prompt.all, thought + answer.tokens, prompt.cached, prompt.cache_written, thought)
    return Message(
        model, number, tuple(content), answer.text.pieces, _reason(answer), answer.text.stop, _usage(spent), spent
    )


def whole(message: Message) -> Event:
    """Return a message as it is sent without a stream."""
    return _shell(message) | {
        "content": list(message.blocks),
        "stop_reason": message.stop_reason,
        "stop_sequence": message.stop_sequence,
        "usage": message.usage,
    }


def streamed(message: Message, headers: dict[str, str]) -> Stream:
    """Return the events of a message. The pieces of its text, or of the arguments of its tools, are the chunks."""
    started = _shell(message) | {"usage": message.usage | {"output_tokens": 1}}
    head: list[Event] = [{"type": "message_start", "message": started}]
    chunks: list[list[Event]] = []
    for index, block in enumerate(message.blocks):
        events = list(_block_events(index, block, message.pieces))
        if block["type"] in {THOUGHT, REDACTED}:
            head += events
        else:
            chunks += [[event] for event in events]
    head.insert(min(2, len(head)), {"type": "ping"})
    delta = {"stop_reason": message.stop_reason, "stop_sequence": message.stop_sequence, "stop_details": None}
    used = {name: value for name, value in message.usage.items() if name not in _ONCE}
    tail: list[Event] = [{"type": "message_delta", "delta": delta, "usage": used}, {"type": "message_stop"}]
    chunks = _merge_chunks(chunks)
    return Stream(_written(head), tuple(map(_written, chunks)), _written(tail), message.spent, headers)


def event(value: Event) -> bytes:
    """Encode an event."""
    return b"event: " + str(value["type"]).encode() + b"\ndata: " + rawjson.dumps(value) + b"\n\n"


def _thought(thought: str, *, redacts: bool, omits: bool) -> dict[str, Any]:
    if redacts:
        return {"type": REDACTED, "data": signature.seal(REDACTED, thought)}
    shown = "" if omits else thought
    return {"type": THOUGHT, "thinking": shown, "signature": signature.sign(THOUGHT, shown)}


def _reason(answer: Answer) -> str:
    if answer.calls:
        return "tool_use"
    if answer.text.finish_reason == "length":
        return "max_tokens"
    return "end_turn" if answer.text.stop is None else "stop_sequence"


def _usage(spent: Spent) -> dict[str, Any]:
    written = spent.cache_written
    return {
        "input_tokens": spent.prompt - spent.cached - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": spent.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": spent.completion,
        "output_tokens_details": {"thinking_tokens": spent.thinking},
        "service_tier": "standard",
        "inference_geo": "not_available",
    }


def _shell(message: Message) -> Event:
    return {
        "id": f"msg_{message.number}",
        "type": "message",
        "role": "assistant",
        "model": message.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
    }


# ------------------------------------------------------------------- stream


def _block_events(index: int, block: dict[str, Any], pieces: tuple[str, ...]) -> Iterator[Event]:
    """The events of one block: its start without content, the parts of its content, its end."""
    empty: dict[str, dict[str, Any]] = {
        THOUGHT: {"thinking": "", "signature": ""},
        "text": {"text": ""},
        "tool_use": {"input": {}},
    }
    yield {"type": "content_block_start", "index": index, "content_block": block | empty.get(block["type"], {})}
    for delta in _deltas(block, pieces):
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _deltas(block: dict[str, Any], pieces: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "text":
            for piece in pieces:
                yield {"type": "text_delta", "text": piece}
        case "tool_use":
            yield {"type": "input_json_delta", "partial_json": ""}
            written = rawjson.dumps(block["input"]).decode() if block["input"] else ""
            for start in range(0, len(written), _FRAGMENT):
                yield {"type": "input_json_delta", "partial_json": written[start : start + _FRAGMENT]}
        case "thinking":
            if block["thinking"]:
                yield {"type": "thinking_delta", "thinking": block["thinking"]}
            yield {"type": "signature_delta", "signature": block["signature"]}


def _merge_chunks(chunks: list[list[Event]]) -> list[list[Event]]:
    """Join each start and end of a block with the chunk beside it, so that only content makes a chunk."""
    joined: list[list[Event]] = []
    starts: list[Event] = []
    for (one,) in chunks:
        if one["type"] == "content_block_start":
            starts.append(one)
        elif one["type"] == "content_block_stop" and joined and not starts:
            joined[-1].append(one)
        else:
            joined.append([*starts, one])
            starts = []
    return joined


def _written(events: list[Event]) -> bytes:
    return b"".join(map(event, events))
