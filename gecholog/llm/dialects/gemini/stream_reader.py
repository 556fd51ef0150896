"""Reads streams of Gemini's streamGenerateContent into deltas."""

from __future__ import annotations

from gecholog.llm.chat import Image, Part, Reasoning, Text, ToolCall
from gecholog.llm.checked import Json
from gecholog.llm.deltas import (
    ArgumentsDelta,
    Delta,
    Failed,
    Finished,
    ImageSeen,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallStarted,
    UsageSeen,
)
from gecholog.llm.dialects.gemini.errors import error_in
from gecholog.llm.dialects.gemini.parts import candidates_of, finish_of, finish_of_prompt, index_of, parts_of, word
from gecholog.llm.errors import BROKEN_OFF
from gecholog.llm.event import Event
from gecholog.llm.finish import Finish
from gecholog.llm.usage import Usage, usage_of


class GeminiStreamReader:
    """Makes deltas of the chunks of one stream. Each is an answer of its own, with the next parts."""

    def __init__(self) -> None:
        self._has_started = False
        self._has_failed = False
        self._calls: dict[int, int] = {}  # choice → number of its calls
        self._finishes: dict[int, Finish] = {}  # choice → why it ended
        self._usage: Usage | None = None

    def read(self, event: Event) -> list[Delta]:
        """Take the next chunk."""
        chunk = event.value
        if self._has_failed:
            return []
        if (error := error_in(chunk)) is not None:
            self._has_failed = True
            return [Failed(error)]
        found: list[Delta] = []
        if not self._has_started:
            self._has_started = True
            found.append(Started(word(chunk, "responseId"), word(chunk, "modelVersion")))
        for candidate in candidates_of(chunk):
            found += self._candidate(candidate)
        if (blocked := finish_of_prompt(chunk)) is not None:
            self._finishes[0] = blocked
        self._usage = usage_of(chunk) or self._usage
        return found

    def end(self) -> list[Delta]:
        """Return the usage and the ends of all choices, which a later chunk might have changed."""
        if self._has_failed:
            return []
        if not self._finishes or any(finish.reason is None for finish in self._finishes.values()):
            return [Failed(BROKEN_OFF)]
        seen: list[Delta] = [] if self._usage is None else [UsageSeen(self._usage)]
        found = sorted(self._finishes.items())
        return [*seen, *(Finished(end.reason, choice=choice, native_reason=end.native) for choice, end in found)]

    def _candidate(self, candidate: Json) -> list[Delta]:
        choice = index_of(candidate)
        found = [delta for part in parts_of(candidate) for delta in self._deltas(part, choice)]
        has_calls = self._calls.get(choice, 0) > 0
        finish = finish_of(candidate, has_calls=has_calls)
        if finish.reason is not None or choice not in self._finishes:
            self._finishes[choice] = finish
        return found

    def _deltas(self, part: Part, choice: int) -> list[Delta]:
        match part:
            case Text(text):
                return [TextDelta(text, choice)]
            case Reasoning():
                return [ReasoningDelta(part.text, part.signature, part.origin, choice=choice)]
            case ToolCall():
                index = self._calls.get(choice, 0)
                self._calls[choice] = index + 1
                begun = ToolCallStarted(index, part.id, part.name, part.signature, part.origin, choice)
                return [begun, ArgumentsDelta(index, part.arguments, choice)]
            case Image():
                return [ImageSeen(part, choice)]
        return []
