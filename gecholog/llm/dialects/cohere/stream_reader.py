"""Reads streams of Cohere's chat into deltas."""

from __future__ import annotations

from gecholog.llm.accumulate import index_of
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
from gecholog.llm.dialects.cohere.response_reader import FAILED, citations_of, content_index, finish_of, word
from gecholog.llm.errors import BROKEN_OFF, ErrorInfo
from gecholog.llm.event import Event
from gecholog.llm.usage import usage_of

_SERVER_ERROR = 500


class CohereStreamReader:
    """Makes deltas of the events of one stream."""

    def __init__(self) -> None:
        self._is_over = False
        self._calls: dict[int, int] = {}  # our index of a call by Cohere's
        self._has_arguments = False  # of the call that came last

    def read(self, event: Event) -> list[Delta]:
        """Take the next event."""
        fields = event.value
        if self._is_over:
            return []
        delta = fields.get("delta")
        message = delta.get("message") if isinstance(delta, dict) else None
        piece = message if isinstance(message, dict) else {}
        match fields.get("type"):
            case "message-start":
                return [Started(id=word(fields, "id"))]
            case "message-end":
                return self._end(delta if isinstance(delta, dict) else {})
            case "tool-plan-delta":
                plan = word(piece, "tool_plan")
                return [ReasoningDelta(plan)] if plan else []
            case "content-start" | "content-delta":
                return _content(piece.get("content"), index_of(fields) or 0)
            case "citation-start":
                return _citations(piece.get("citations"))
            case "tool-call-start" | "tool-call-delta":
                return self._call(piece.get("tool_calls"), index_of(fields) or 0)
            case "tool-call-end":
                return self._end_of_call(index_of(fields) or 0)
        return self._fail(fields) if "error" in fields or ("type" not in fields and word(fields, "message")) else []

    def end(self) -> list[Delta]:
        """Return the failure of a stream that ended before its answer did."""
        return [] if self._is_over else [Failed(BROKEN_OFF)]

    def _call(self, call: object, index: int) -> list[Delta]:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict):
            return []
        found: list[Delta] = []
        if index not in self._calls:
            self._calls[index] = len(self._calls)
            self._has_arguments = False
            found.append(ToolCallStarted(self._calls[index], word(call, "id"), word(function, "name")))
        if arguments := word(function, "arguments"):
            self._has_arguments = True
            found.append(ArgumentsDelta(self._calls[index], arguments))
        return found

    def _end_of_call(self, index: int) -> list[Delta]:
        """A call without arguments has an empty object of them."""
        if self._has_arguments or index not in self._calls:
            return []
        self._has_arguments = True
        return [ArgumentsDelta(self._calls[index], "{}")]

    def _end(self, delta: Json) -> list[Delta]:
        if (reason := word(delta, "finish_reason")) in FAILED:
            return self._fail({"error": word(delta, "error") or f"the model did not finish: {reason}"})
        self._is_over = True
        usage = usage_of(delta)
        found: list[Delta] = [] if usage is None else [UsageSeen(usage)]
        finish = finish_of(delta, has_calls=bool(self._calls))
        return [*found, Finished(finish.reason, native_reason=finish.native)]

    def _fail(self, fields: Json) -> list[Delta]:
        self._is_over = True
        error = fields.get("error")
        message = word(error, "message") if isinstance(error, dict) else word(fields, "error")
        return [Failed(ErrorInfo(_SERVER_ERROR, message or word(fields, "message") or "the provider failed"))]


def _content(content: object, index: int) -> list[Delta]:
    if not isinstance(content, dict):
        return []
    found: list[Delta] = []
    if thinking := word(content, "thinking"):
        found.append(ReasoningDelta(thinking))
    if text := word(content, "text"):
        found.append(TextDelta(text, part=index))
    return found


def _citations(citation: object) -> list[Delta]:
    if not isinstance(citation, dict) or not (cited := citations_of(citation)):
        return []
    return [TextDelta("", part=content_index(citation), citations=cited)]
