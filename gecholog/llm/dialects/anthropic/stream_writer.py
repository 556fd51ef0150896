"""Writes streams of Anthropic messages: message_start, blocks one after the other, message_delta, message_stop.

Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming.
"""

from __future__ import annotations

from gecholog.llm import json_text
from gecholog.llm.chat import Reasoning
from gecholog.llm.chat_dialect import ReplyContext
from gecholog.llm.checked import Json
from gecholog.llm.deltas import (
    ArgumentsDelta,
    Delta,
    Failed,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallStarted,
    UsageSeen,
)
from gecholog.llm.dialects.anthropic.call_order import CallOrder, Piece
from gecholog.llm.dialects.anthropic.errors import write_error
from gecholog.llm.dialects.anthropic.response_writer import (
    call_id,
    citation_fields,
    head,
    packed_signature,
    signature_block,
    stop_of,
    tool_block,
    usage_fields,
)
from gecholog.llm.usage import Usage

_NO_BLOCK: tuple[str, int] = ("", 0)


class MessagesStreamWriter:
    """Makes the events of one stream. Pieces of calls that come by turns are written one call after the other."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._has_started = False
        self._open = _NO_BLOCK  # kind and number of the part whose block is open
        self._index = -1  # of the last block
        self._usage: Usage | None = None
        self._finished = Finished(None)
        self._calls = CallOrder()

    def write(self, delta: Delta) -> bytes:
        """Take the next delta. Of several choices the first counts."""
        if getattr(delta, "choice", 0):
            return b""
        match delta:
            case TextDelta():
                return self._text(delta)
            case ArgumentsDelta() | ToolCallStarted():
                return self._pieces(self._calls.take(delta))
            case ReasoningDelta():
                return self._reasoning(delta)
            case RefusalDelta(text):
                return self._text(TextDelta(text, part=-1))
            case UsageSeen(usage):
                self._usage = usage
            case Finished():
                self._finished = delta
            case Started(known, model):
                return self._start(known, model)
            case Failed(error):
                return _event(write_error(error))
        return b""

    def end(self) -> bytes:
        """Return the end of the stream."""
        finished = self._finished
        ended = {
            "type": "message_delta",
            "delta": stop_of(finished.reason, finished.stop_sequence, finished.native_reason) | {"container": None},
            "usage": usage_fields(self._usage),
        }
        stop = _event({"type": "message_stop"})
        return self._start() + self._pieces(self._calls.flush()) + self._close() + _event(ended) + stop

    def _start(self, known: str = "", model: str = "") -> bytes:
        if self._has_started:
            return b""
        self._has_started = True
        message = head(self._context, known, model)
        message |= {
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": usage_fields(self._usage),
        }
        return _event({"type": "message_start", "message": message})

    def _text(self, delta: TextDelta) -> bytes:
        written = self._open_block("text", delta.part, {"type": "text", "text": "", "citations": None})
        if delta.text:
            written += self._delta({"type": "text_delta", "text": delta.text})
        for cited in delta.citations:
            written += self._delta({"type": "citations_delta", "citation": citation_fields(cited)})
        return written

    def _reasoning(self, delta: ReasoningDelta) -> bytes:
        part = Reasoning(delta.text, delta.signature, delta.origin, delta.id, delta.is_redacted)
        if delta.is_redacted:
            block: Json = {"type": "redacted_thinking", "data": packed_signature(part)}
            return self._open_block("redacted", self._index, block) + self._close()
        written = self._open_block("thinking", 0, {"type": "thinking", "thinking": "", "signature": ""})
        if delta.text:
            written += self._delta({"type": "thinking_delta", "thinking": delta.text})
        if delta.signature:
            signature = {"type": "signature_delta", "signature": packed_signature(part)}
            written += self._delta(signature) + self._close()
        return written

    def _pieces(self, pieces: list[Piece]) -> bytes:
        return b"".join(map(self._piece, pieces))

    def _piece(self, piece: Piece) -> bytes:
        if isinstance(piece, ToolCallStarted):
            return self._tool_call(piece)
        if not piece.text or self._open[0] != "tool":
            return b""
        return self._delta({"type": "input_json_delta", "partial_json": piece.text})

    def _tool_call(self, call: ToolCallStarted) -> bytes:
        written = b""
        if call.signature:
            block = signature_block(call.signature, call.origin)
            written = self._open_block("redacted", self._index, block) + self._close()
        known = call.id or call_id(self._context, call.index)
        return written + self._open_block("tool", call.index, tool_block(known, call.name))

    def _open_block(self, kind: str, number: int, block: Json) -> bytes:
        if self._open == (kind, number):
            return b""
        written = self._start() + self._close()
        self._open = (kind, number)
        self._index += 1
        return written + _event({"type": "content_block_start", "index": self._index, "content_block": block})

    def _close(self) -> bytes:
        if self._open == _NO_BLOCK:
            return b""
        self._open = _NO_BLOCK
        return _event({"type": "content_block_stop", "index": self._index})

    def _delta(self, delta: Json) -> bytes:
        return _event({"type": "content_block_delta", "index": self._index, "delta": delta})


def _event(value: Json) -> bytes:
    kind: str = value["type"]
    return b"event: " + kind.encode() + b"\ndata: " + json_text.dumps(value) + b"\n\n"
