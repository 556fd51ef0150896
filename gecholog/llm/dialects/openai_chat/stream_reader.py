"""Reads the chunks of a streamed chat completion (https://platform.openai.com/docs/api-reference/chat-streaming)."""

from __future__ import annotations

from typing import Any

from gecholog.llm import json_text
from gecholog.llm.chat import FinishReason
from gecholog.llm.deltas import (
    Delta,
    Failed,
    Finished,
    ImageSeen,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from gecholog.llm.dialect import is_error
from gecholog.llm.dialects.openai_chat import message_parts, signed
from gecholog.llm.dialects.openai_chat.finish_reasons import read_reason
from gecholog.llm.dialects.openai_chat.message_parts import Json, objects, text_in
from gecholog.llm.dialects.openai_chat.tool_call_stream import ToolCallStream
from gecholog.llm.dialects.openai_errors import error_of_object, read_error, status_in
from gecholog.llm.errors import BROKEN_OFF
from gecholog.llm.event import Event
from gecholog.llm.finish import Finish
from gecholog.llm.usage import usage_of

_SIMPLE = frozenset({"role", "content"})


class _Choice:
    """What has come of one choice."""

    __slots__ = ("calls", "finish", "has_refusal", "is_finished")

    def __init__(self, index: int) -> None:
        self.calls = ToolCallStream(index)
        self.has_refusal = False
        self.is_finished = False  # the provider told a reason; what comes behind it still counts
        self.finish = Finish()


class StreamReader:
    """Makes deltas of chunks. Choices finish with the stream: some APIs send more behind the reason, or repeat it."""

    __slots__ = ("_choices", "_has_failed", "_is_started")

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._is_started = False
        self._has_failed = False

    def read(self, event: Event) -> list[Delta]:
        """Take the next chunk."""
        chunk = event.value
        if self._has_failed:
            return []
        error = chunk.get("error")
        if event.name == "error" or (error is not None and is_error(error)):
            return self._failed(chunk, error)
        found: list[Delta] = []
        choices = chunk.get("choices")
        if not self._is_started and choices:  # Azure's first chunk has no choices, and no id
            self._is_started = True
            found.append(Started(text_in(chunk, "id"), text_in(chunk, "model")))
        if isinstance(choices, list):
            for position, piece in enumerate(choices):
                if isinstance(piece, dict):
                    self._read_choice(piece, position, found)
        if (usage := _usage(chunk, choices)) is not None:
            found.append(usage)
        return found

    def end(self) -> list[Delta]:
        """The end of the stream: what finishes with it, or `Failed` if no choice was told to be complete."""
        if self._has_failed:
            return []
        if not self._choices or not all(choice.is_finished for choice in self._choices.values()):
            return [Failed(BROKEN_OFF)]
        found: list[Delta] = []
        for index, choice in self._choices.items():
            finish = choice.finish
            if choice.calls.has_any and finish.reason in (FinishReason.STOP, FinishReason.OTHER, None):
                finish = Finish(FinishReason.TOOL_CALLS)
            found.append(Finished(finish.reason, choice=index, native_reason=finish.native))
        return found

    def _failed(self, chunk: Json, error: Any) -> list[Delta]:
        self._has_failed = True
        if isinstance(error, dict):
            return [Failed(error_of_object(status_in(error), error))]
        return [Failed(read_error(status_in(chunk), json_text.dumps(chunk)))]

    def _read_choice(self, piece: Json, position: int, found: list[Delta]) -> None:
        index = piece.get("index")
        if type(index) is not int:
            index = position
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice(index)
        delta = piece.get("delta")
        if isinstance(delta, dict):
            _read_delta(delta, choice, index, found)
        word = piece.get("finish_reason")
        if word:
            choice.is_finished = True
            finish = read_reason(word, has_calls=choice.calls.has_any, has_refusal=choice.has_refusal)
            if finish.reason is not None:
                choice.finish = finish


def _read_delta(delta: Json, choice: _Choice, index: int, found: list[Delta]) -> None:
    """Most chunks hold one short text."""
    content = delta.get("content")
    if type(content) is str and content and (len(delta) == 1 or delta.keys() <= _SIMPLE):
        found.append(TextDelta(content, index))
        return
    _read_reasoning(delta, index, found)
    text, citations = message_parts.content_text(delta), message_parts.citations(delta)
    if text or citations:
        found.append(TextDelta(text, index, citations=citations))
    found += [ImageSeen(image, index) for image in message_parts.images(delta)]
    if refusal := message_parts.refusal_text(delta):
        choice.has_refusal = True
        found.append(RefusalDelta(refusal, index))
    calls = delta.get("tool_calls")
    if calls:
        for piece in objects(calls):
            choice.calls.read(piece, found)
    legacy = delta.get("function_call")
    if isinstance(legacy, dict):
        choice.calls.read({"index": -1, "function": legacy}, found)


def _read_reasoning(delta: Json, index: int, found: list[Delta]) -> None:
    """The text, and what is signed: of this the text has come before, or comes with it under another name."""
    if reasoning := message_parts.reasoning_text(delta):
        found.append(ReasoningDelta(reasoning, choice=index))
    signed_parts = [signed.read_block(block) for block in objects(delta.get("thinking_blocks"))]
    signed_parts += [part for one in objects(delta.get("reasoning_details")) if (part := signed.read_detail(one))]
    found += [
        ReasoningDelta("", part.signature, part.origin, part.id, part.is_redacted, index)
        for part in signed_parts
        if part.signature or part.id
    ]


def _usage(chunk: Json, choices: Any) -> UsageSeen | None:
    """The usage, in the chunk itself, in `x_groq` (Groq), or in a choice (Moonshot)."""
    if chunk.get("usage") or "x_groq" in chunk:
        usage = usage_of(chunk)
        return None if usage is None else UsageSeen(usage)
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("usage") and (usage := usage_of(choice)) is not None:
            return UsageSeen(usage)
    return None
