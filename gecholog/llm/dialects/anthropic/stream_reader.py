"""Reads streams of Anthropic messages into deltas."""

from __future__ import annotations

from typing import Any

from gecholog.llm.checked import Json
from gecholog.llm.deltas import (
    ArgumentsDelta,
    Delta,
    Failed,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallStarted,
    UsageSeen,
)
from gecholog.llm.dialects.anthropic.blocks import NAME, citation_of
from gecholog.llm.dialects.anthropic.errors import error_in_event
from gecholog.llm.dialects.anthropic.response_reader import finish_of
from gecholog.llm.errors import BROKEN_OFF
from gecholog.llm.event import Event
from gecholog.llm.tool_arguments import as_text
from gecholog.llm.usage import usage_of


class MessagesStreamReader:
    """Makes deltas of the events of one stream."""

    def __init__(self) -> None:
        self._usage: Json = {}
        self._kind = ""  # of the block that is open
        self._texts = -1  # number of the text that is open
        self._calls = -1
        self._has_arguments = True
        self._is_over = False

    def read(self, event: Event) -> list[Delta]:
        """Take the next event. Those that are not known, and all after the end, are passed over."""
        value = event.value
        if self._is_over:
            return []
        match value.get("type"):
            case "content_block_delta":
                return self._delta(_object(value, "delta"))
            case "content_block_start":
                return self._block(_object(value, "content_block"))
            case "content_block_stop":
                return self._end_of_block()
            case "message_start":
                message = _object(value, "message")
                return [Started(_word(message, "id"), _word(message, "model")), *self._counted(message.get("usage"))]
            case "message_delta":
                return self._end_of_message(value)
            case "error":
                self._is_over = True
                return [Failed(error_in_event(value))]
        return []

    def end(self) -> list[Delta]:
        """Return the failure of a stream that ended before its answer did."""
        return [] if self._is_over else [Failed(BROKEN_OFF)]

    def _block(self, block: Json) -> list[Delta]:
        self._kind = _word(block, "type")
        match self._kind:
            case "text":
                self._texts += 1
                words = _word(block, "text")
                return [TextDelta(words, part=self._texts)] if words else []
            case "thinking":
                words, signature = _word(block, "thinking"), _word(block, "signature")
                return [ReasoningDelta(words, signature, NAME)] if words or signature else []
            case "redacted_thinking":
                return [ReasoningDelta(signature=_word(block, "data"), origin=NAME, is_redacted=True)]
            case "tool_use":
                return self._call(block)
        return []

    def _call(self, block: Json) -> list[Delta]:
        self._calls += 1
        begun = ToolCallStarted(self._calls, _word(block, "id"), _word(block, "name"))
        given = block.get("input")
        self._has_arguments = bool(given)
        return [begun, ArgumentsDelta(self._calls, as_text(given))] if given else [begun]

    def _delta(self, delta: Json) -> list[Delta]:
        match delta:
            case {"type": "text_delta", "text": str(words)} if words:
                return [TextDelta(words, part=max(self._texts, 0))]
            case {"type": "input_json_delta", "partial_json": str(piece)} if piece and self._kind == "tool_use":
                self._has_arguments = True
                return [ArgumentsDelta(self._calls, piece)]
            case {"type": "thinking_delta", "thinking": str(words)} if words:
                return [ReasoningDelta(words)]
            case {"type": "signature_delta", "signature": str(signature)} if signature:
                return [ReasoningDelta(signature=signature, origin=NAME)]
            case {"type": "citations_delta", "citation": dict(cited)}:
                return [TextDelta("", part=max(self._texts, 0), citations=(citation_of(cited),))]
        return []

    def _end_of_block(self) -> list[Delta]:
        has_none = self._kind == "tool_use" and not self._has_arguments
        self._kind = ""
        return [ArgumentsDelta(self._calls, "{}")] if has_none else []

    def _end_of_message(self, value: Json) -> list[Delta]:
        found = self._counted(value.get("usage"))
        delta = _object(value, "delta")
        finish = finish_of(delta)
        if finish.reason is not None:
            self._is_over = True
            found.append(Finished(finish.reason, _word(delta, "stop_sequence"), native_reason=finish.native))
        return found

    def _counted(self, usage: Any) -> list[Delta]:
        """Counts are totals; one that is zero or null is as it was before."""
        if not isinstance(usage, dict):
            return []
        self._usage |= {name: count for name, count in usage.items() if count or name not in self._usage}
        found = usage_of({"usage": self._usage})
        return [] if found is None else [UsageSeen(found)]


def _object(fields: Json, name: str) -> Json:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def _word(fields: Json, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
