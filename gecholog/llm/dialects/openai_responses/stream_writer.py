"""Writes streams of OpenAI responses: typed events with growing numbers, and the whole response at the end."""

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
    ImageSeen,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallStarted,
    UsageSeen,
)
from gecholog.llm.dialects.openai_errors import write_error
from gecholog.llm.dialects.openai_responses.item_streams import OpenCall, OpenItem, OpenMessage, OpenReasoning
from gecholog.llm.dialects.openai_responses.output_items import COMPLETED, image_item, item_id, reasoning_item
from gecholog.llm.dialects.openai_responses.response_writer import ending, envelope
from gecholog.llm.errors import ErrorInfo
from gecholog.llm.signatures import Signature, pack
from gecholog.llm.usage import Usage


class ResponsesStreamWriter:
    """Makes the events of one stream."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._number = 0  # of the next event
        self._envelope: Json | None = None
        self._output: list[Json] = []  # items in their order; of those that are open, what they were at first
        self._open: OpenItem | None = None
        self._calls: dict[int, OpenCall] = {}  # those that are open: their pieces may come by turns
        self._usage: Usage | None = None
        self._finished = Finished(None)

    def write(self, delta: Delta) -> bytes:
        """Take the next delta. Of several choices the first counts."""
        if getattr(delta, "choice", 0):
            return b""
        match delta:
            case TextDelta():
                return self._text(delta)
            case ArgumentsDelta(index, text):
                call = self._calls.get(index)
                return b"" if call is None else self._events(call.arguments(text))
            case ReasoningDelta():
                return self._reasoning(delta)
            case ToolCallStarted():
                return self._call(delta)
            case UsageSeen(usage):
                self._usage = usage
            case Finished():
                self._finished = delta
            case _:
                return self._rare(delta)
        return b""

    def end(self) -> bytes:
        """Return the end of the stream, with the whole response."""
        data = self._start() + self._close()
        told = ending(self._finished.reason, self._output, self._usage)
        kind = f"response.{told['status']}"
        return data + self._event({"type": kind, "response": (self._envelope or {}) | told})

    def _rare(self, delta: Delta) -> bytes:
        match delta:
            case Started(_, model):
                return self._start(model)
            case RefusalDelta(text):
                message, begun = self._message()
                return begun + self._events(message.refusal(text))
            case ImageSeen(image):
                return self._whole(image_item(self._next_id("ig"), image.data))
            case Failed(error):
                return self._start() + self._event(_error_event(error))
        return b""

    def _start(self, model: str = "") -> bytes:
        if self._envelope is not None:
            return b""
        self._envelope = envelope(self._context, model)
        kinds = ("response.created", "response.in_progress")
        return b"".join(self._event({"type": kind, "response": self._envelope}) for kind in kinds)

    def _text(self, delta: TextDelta) -> bytes:
        message, begun = self._message()
        return begun + self._events(message.text(delta.text, delta.part, delta.citations))

    def _message(self) -> tuple[OpenMessage, bytes]:
        """The message that is open, and the bytes of its beginning."""
        if isinstance(self._open, OpenMessage):
            return self._open, b""
        closed = self._close()
        message = OpenMessage(self._next_id("msg"), len(self._output))
        return message, closed + self._begin(message)

    def _reasoning(self, delta: ReasoningDelta) -> bytes:
        data = b""
        item = self._open
        if not isinstance(item, OpenReasoning):
            data = self._close()
            item = OpenReasoning(self._next_id("rs"), len(self._output))
            data += self._begin(item)
        if delta.text:
            data += self._events(item.text(delta.text))
        if delta.signature:
            item.signed(Reasoning("", delta.signature, delta.origin, delta.id, delta.is_redacted))
            data += self._close()
        return data

    def _call(self, delta: ToolCallStarted) -> bytes:
        data = b"" if self._calls else self._close()
        if delta.signature:
            packed = pack(Signature(delta.origin, delta.signature, signs_call=True))
            data += self._whole(reasoning_item(self._next_id("rs"), "", packed))
        call_id = delta.id or self._next_id("call")
        call = OpenCall(self._next_id("fc"), len(self._output), call_id, delta.name)
        self._calls[delta.index] = call
        return data + self._begin(call, is_alone=False)

    def _begin(self, item: OpenItem, *, is_alone: bool = True) -> bytes:
        started = self._start()
        self._output.append({})
        if is_alone:
            self._open = item
        return started + self._events(item.begin())

    def _whole(self, item: Json) -> bytes:
        """An item that comes in one piece."""
        data = self._start() if self._calls else self._start() + self._close()
        index = len(self._output)
        self._output.append(item)
        kinds = ("response.output_item.added", "response.output_item.done")
        return data + b"".join(self._event({"type": kind, "output_index": index, "item": item}) for kind in kinds)

    def _close(self) -> bytes:
        """End the items that are open."""
        items: list[OpenItem] = [] if self._open is None else [self._open]
        items += self._calls.values()
        self._open, self._calls = None, {}
        data = b"".join(self._events(item.done()) for item in items)
        for item in items:
            self._output[item.index] = item.snapshot(COMPLETED)
        return data

    def _next_id(self, prefix: str) -> str:
        return item_id(prefix, self._context.id, len(self._output))

    def _events(self, events: list[Json]) -> bytes:
        return b"".join(map(self._event, events))

    def _event(self, event: Json) -> bytes:
        numbered = event | {"sequence_number": self._number}
        self._number += 1
        kind: str = event["type"]
        return b"event: " + kind.encode() + b"\ndata: " + json_text.dumps(numbered) + b"\n\n"


def _error_event(error: ErrorInfo) -> Json:
    told = write_error(error)["error"]
    return {"type": "error", "code": told["code"] or told["type"], "message": told["message"], "param": told["param"]}
