"""Reads streams of OpenAI responses into deltas."""

from __future__ import annotations

from gecholog.llm.chat import Image
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
from gecholog.llm.dialects.openai_errors import error_of_object, status_in
from gecholog.llm.dialects.openai_responses.item_reader import NAME
from gecholog.llm.dialects.openai_responses.response_reader import citation_of, finish_of, parts_of, word
from gecholog.llm.errors import BROKEN_OFF, ErrorInfo
from gecholog.llm.event import Event
from gecholog.llm.usage import usage_of

_REASONING = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
_ENDS = ("response.completed", "response.incomplete")


class ResponsesStreamReader:
    """Makes deltas of the events of one stream."""

    def __init__(self) -> None:
        self._is_over = False
        self._has_refusal = False
        self._calls: dict[str, int] = {}  # number of a call, by the id or the place of its item
        self._with_arguments: set[int] = set()
        self._parts: dict[tuple[str, object], int] = {}  # number of a text, by its item and place
        self._summaries: set[tuple[str, object]] = set()

    def read(self, event: Event) -> list[Delta]:
        """Take the next event. Those that are not known, and all after the end, are passed over."""
        value = event.value
        kind = word(value, "type")
        if self._is_over:
            return []
        match kind:
            case "response.output_text.delta":
                return [TextDelta(word(value, "delta"), part=self._part(value))]
            case "response.function_call_arguments.delta":
                return self._arguments(value, word(value, "delta"))
            case "response.output_item.added":
                return self._added(_object(value, "item"), value)
            case "response.output_item.done":
                return self._done(_object(value, "item"), value)
            case "response.refusal.delta":
                self._has_refusal = True
                return [RefusalDelta(word(value, "delta"))]
            case "response.created":
                response = _object(value, "response")
                return [Started(word(response, "id"), word(response, "model"))]
        return self._rare(kind, value)

    def end(self) -> list[Delta]:
        """Return the failure of a stream that ended before its answer did."""
        return [] if self._is_over else [Failed(BROKEN_OFF)]

    def _rare(self, kind: str, value: Json) -> list[Delta]:
        if kind in _REASONING:
            return self._reasoning(value)
        if kind == "response.output_text.annotation.added":
            cited = citation_of(value.get("annotation"))
            return [] if cited is None else [TextDelta("", part=self._part(value), citations=(cited,))]
        if kind in _ENDS:
            return self._ended(_object(value, "response"))
        if kind in ("error", "response.failed"):
            self._is_over = True
            return [Failed(_error(value))]
        return []

    def _part(self, value: Json) -> int:
        place = (_item_key(value), str(value.get("content_index")))
        return self._parts.setdefault(place, len(self._parts))

    def _reasoning(self, value: Json) -> list[Delta]:
        """A piece of reasoning; parts of a summary are divided by an empty line."""
        place, key = (_item_key(value), str(value.get("summary_index"))), _item_key(value)
        is_next = place not in self._summaries and any(known[0] == key for known in self._summaries)
        self._summaries.add(place)
        return [ReasoningDelta(("\n\n" if is_next else "") + word(value, "delta"))]

    def _added(self, item: Json, value: Json) -> list[Delta]:
        if item.get("type") != "function_call":
            return []
        index = len(self._calls)
        self._calls[_item_key(value)] = index
        return [ToolCallStarted(index, word(item, "call_id"), word(item, "name"))]

    def _arguments(self, value: Json, text: str) -> list[Delta]:
        index = self._calls.get(_item_key(value))
        if index is None or not text:
            return []
        self._with_arguments.add(index)
        return [ArgumentsDelta(index, text)]

    def _done(self, item: Json, value: Json) -> list[Delta]:
        """What only the end of an item tells: a signature, an image, and arguments that came in no pieces."""
        match item.get("type"):
            case "function_call":
                index = self._calls.get(_item_key(value))
                if index is None:
                    return [*self._added(item, value), *self._arguments(value, word(item, "arguments"))]
                return [] if index in self._with_arguments else self._arguments(value, word(item, "arguments"))
            case "reasoning" if word(item, "encrypted_content"):
                return [ReasoningDelta("", word(item, "encrypted_content"), NAME, word(item, "id"))]
            case "image_generation_call":
                return [ImageSeen(part) for part in parts_of(item) if isinstance(part, Image)]
        return []

    def _ended(self, response: Json) -> list[Delta]:
        self._is_over = True
        usage = usage_of(response)
        finish = finish_of(response, has_calls=bool(self._calls), has_refusal=self._has_refusal)
        seen: list[Delta] = [] if usage is None else [UsageSeen(usage)]
        return [*seen, Finished(finish.reason, native_reason=finish.native)]


def _item_key(value: Json) -> str:
    """The item that an event is about: by its place in the output, which all events have."""
    return str(value.get("output_index"))


def _error(value: Json) -> ErrorInfo:
    """The error of an event `error` (the object itself, or a member of it), or of a response that failed."""
    response = _object(value, "response")
    error = _object(response, "error") or _object(value, "error") or value
    return error_of_object(status_in(error), error)


def _object(fields: Json, name: str) -> Json:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}
