"""Reads streams of Bedrock's ConverseStream into deltas."""

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
from gecholog.llm.dialects.bedrock_converse.errors import error_in_event
from gecholog.llm.dialects.bedrock_converse.fold import is_exception, typed
from gecholog.llm.dialects.bedrock_converse.response_reader import finish_of, stop_sequence_of, word
from gecholog.llm.dialects.claude_thinking import ORIGIN
from gecholog.llm.errors import BROKEN_OFF
from gecholog.llm.event import Event
from gecholog.llm.usage import usage_of


class ConverseStreamReader:
    """Makes deltas of the events of one stream."""

    def __init__(self) -> None:
        self._has_started = False
        self._has_failed = False
        self._calls: dict[Any, int] = {}  # number of a call, by the index of its block
        self._empty: set[int] = set()  # calls without arguments so far
        self._finished: Finished | None = None

    def read(self, event: Event) -> list[Delta]:
        """Take the next event. Those that are not known are passed over."""
        name, value = typed(event)
        if self._has_failed:
            return []
        if is_exception(name):
            self._has_failed = True
            return [Failed(error_in_event(name, value))]
        found: list[Delta] = [] if self._has_started else [Started()]
        self._has_started = True
        match name:
            case "contentBlockDelta":
                found += self._delta(_object(value, "delta"), value.get("contentBlockIndex"))
            case "contentBlockStart":
                found += self._start(_object(value, "start"), value.get("contentBlockIndex"))
            case "contentBlockStop":
                found += self._stop(value.get("contentBlockIndex"))
            case "messageStop":
                finish = finish_of(value, has_calls=bool(self._calls))
                self._finished = Finished(finish.reason, stop_sequence_of(value), native_reason=finish.native)
            case "metadata":
                usage = usage_of(value)
                found += [] if usage is None else [UsageSeen(usage)]
        return found

    def end(self) -> list[Delta]:
        """Return the end of the answer, which the usage may follow; the failure of a stream that broke off."""
        if self._has_failed:
            return []
        return [Failed(BROKEN_OFF) if self._finished is None else self._finished]

    def _start(self, start: Json, index: Any) -> list[Delta]:
        call = start.get("toolUse")
        if not isinstance(call, dict):
            return []
        number = self._calls[str(index)] = len(self._calls)
        self._empty.add(number)
        return [ToolCallStarted(number, word(call, "toolUseId"), word(call, "name"))]

    def _delta(self, delta: Json, index: Any) -> list[Delta]:
        match delta:
            case {"text": str(text)} if text:
                return [TextDelta(text)]
            case {"toolUse": {"input": str(piece)}} if piece and str(index) in self._calls:
                number = self._calls[str(index)]
                self._empty.discard(number)
                return [ArgumentsDelta(number, piece)]
            case {"reasoningContent": {"text": str(text)}} if text:
                return [ReasoningDelta(text)]
            case {"reasoningContent": {"signature": str(signature)}} if signature:
                return [ReasoningDelta(signature=signature, origin=ORIGIN)]
            case {"reasoningContent": {"redactedContent": str(data)}} if data:
                return [ReasoningDelta(signature=data, origin=ORIGIN, is_redacted=True)]
        return []

    def _stop(self, index: Any) -> list[Delta]:
        number = self._calls.get(str(index))
        if number is None or number not in self._empty:
            return []
        self._empty.discard(number)
        return [ArgumentsDelta(number, "{}")]


def _object(fields: Json, name: str) -> Json:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}
