"""A whole answer as the deltas of a stream, for clients that asked for a stream and providers that sent none. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gecholog.llm.chat import ChatResponse, Image, Part, Reasoning, Refusal, Text, ToolCall
from gecholog.llm.deltas import (
    ArgumentsDelta,
    Delta,
    Finished,
    ImageSeen,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallStarted,
    UsageSeen,
)


def deltas_of(response: ChatResponse) -> Iterator[Delta]:
    """The deltas that amount to an answer."""
    yield Started(response.id, response.model)
    for number, choice in enumerate(response.choices):
        calls = 0
        for place, part in enumerate(choice.parts):
            yield from _of_part(part, number, place, calls)
            calls += isinstance(part, ToolCall)
    if response.usage is not None:
        yield UsageSeen(response.usage)
    for number, choice in enumerate(response.choices):
        yield Finished(choice.finish_reason, choice.stop_sequence, number, choice.native_reason)


def _of_part(part: Part, choice: int, place: int, calls: int) -> Iterator[Delta]:
    match part:
        case Text():
            yield TextDelta(part.text, choice, place, part.citations)
        case Refusal():
            yield RefusalDelta(part.text, choice)
        case Image():
            yield ImageSeen(part, choice)
        case Reasoning():
            if part.text:
                yield ReasoningDelta(part.text, choice=choice)
            if part.signature or part.id or part.is_redacted:
                yield ReasoningDelta("", part.signature, part.origin, part.id, part.is_redacted, choice)
        case ToolCall():
            yield ToolCallStarted(calls, part.id, part.name, part.signature, part.origin, choice)
            yield ArgumentsDelta(calls, part.arguments, choice)
