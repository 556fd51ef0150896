"""Reads streams of Ollama's chat into deltas."""

from __future__ import annotations

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
from gecholog.llm.dialects.ollama.response_reader import finish_of, tool_calls_of, word
from gecholog.llm.errors import BROKEN_OFF, ErrorInfo
from gecholog.llm.event import Event
from gecholog.llm.usage import usage_of

_SERVER_ERROR = 500


class OllamaStreamReader:
    """Makes deltas of the lines of one stream."""

    def __init__(self) -> None:
        self._has_started = False
        self._is_over = False
        self._calls = 0

    def read(self, event: Event) -> list[Delta]:
        """Take the next line."""
        line = event.value
        if self._is_over:
            return []
        if error := word(line, "error"):
            self._is_over = True
            return [Failed(ErrorInfo(_SERVER_ERROR, error))]
        found: list[Delta] = []
        if not self._has_started:
            self._has_started = True
            found.append(Started(model=word(line, "model")))
        message = line.get("message")
        if isinstance(message, dict):
            found += self._message(message)
        if line.get("done") is True:
            self._is_over = True
            usage = usage_of(line)
            found += [] if usage is None else [UsageSeen(usage)]
            finish = finish_of(line, has_calls=self._calls > 0)
            found.append(Finished(finish.reason, native_reason=finish.native))
        return found

    def end(self) -> list[Delta]:
        """Return the failure of a stream that ended before its answer did."""
        return [] if self._is_over else [Failed(BROKEN_OFF)]

    def _message(self, message: Json) -> list[Delta]:
        found: list[Delta] = []
        if thinking := word(message, "thinking"):
            found.append(ReasoningDelta(thinking))
        if text := word(message, "content"):
            found.append(TextDelta(text))
        for call in tool_calls_of(message):
            found += [ToolCallStarted(self._calls, call.id, call.name), ArgumentsDelta(self._calls, call.arguments)]
            self._calls += 1
        return found
