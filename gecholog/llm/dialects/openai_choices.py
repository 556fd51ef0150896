"""The chunks of OpenAI's chat and legacy completions: an envelope that is repeated, and pieces of choices by index."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gecholog.llm.accumulate import GrowingObject, finalize, grow, index_of, replace_fields
from gecholog.llm.dialect import Answer, state_of
from gecholog.llm.event import Event
from gecholog.llm.usage_fields import USAGE_FIELDS, has_counts

# Random characters that hide the length of a chunk; an answer without streaming has none.
_PADDING = "obfuscation"


def fold_choices(events: Iterable[Event], object_name: str) -> Answer:
    """The answer of a stream of chunks; `object_name` is what its `object` is without streaming.

    Of the envelope (id, model, usage, …) the last value counts, of a choice the pieces are joined.
    """
    answer: Answer = {}
    choices: dict[int, FoldedChoice] = {}
    last: dict[str, Any] | None = None
    for event in events:
        if event.name == "ping":
            continue
        state = state_of(event)
        pieces = state.pop("choices", None)
        state.pop(_PADDING, None)
        if state != last:  # most chunks repeat the envelope
            replace_fields(answer, state)
            last = None if _has_usage(state) else state  # usage adds up
        if isinstance(pieces, list):
            _add(choices, pieces)
    answer["object"] = object_name
    answer["choices"] = [choices[index].finalize() for index in sorted(choices)]
    return _with_usage(answer)


def _has_usage(state: dict[str, Any]) -> bool:
    return any(isinstance(state[name], dict) for name in USAGE_FIELDS & state.keys())


def _add(choices: dict[int, FoldedChoice], pieces: list[Any]) -> None:
    for position, piece in enumerate(pieces):
        if not isinstance(piece, dict):
            continue
        index = piece.get("index")
        if type(index) is not int:
            index = position
        choice = choices.get(index)
        if choice is None:
            choice = choices[index] = FoldedChoice(index)
        choice.add(piece)


def _with_usage(answer: Answer) -> Answer:
    """Usage where the answer has it without streaming: Groq streams it in `x_groq`, Moonshot in the choice."""
    if not has_counts(answer.get("usage")):
        for place in (answer.get("x_groq"), *answer["choices"]):
            if isinstance(place, dict) and isinstance(place.get("usage"), dict):
                replace_fields(answer, {"usage": place["usage"]})
    return answer


class FoldedChoice:
    """A choice that is being put together."""

    __slots__ = ("_calls", "_fields", "_message", "_repeated")

    def __init__(self, index: int) -> None:
        self._fields: dict[str, Any] = GrowingObject(index=index)
        self._message: dict[str, Any] = GrowingObject()
        self._calls = ToolCalls()
        self._repeated: dict[str, Any] | None = None  # fields of the last piece that say nothing more when repeated

    def add(self, piece: dict[str, Any]) -> None:
        """Take the piece of the choice that one chunk holds, and remove its `delta`."""
        if (delta := piece.pop("delta", None)) is not None:
            self._add_delta(delta)
        if piece != self._repeated:  # most pieces repeat an index and nulls
            self._add_fields(piece)

    def _add_fields(self, fields: dict[str, Any]) -> None:
        says_nothing_more = True
        for name, value in fields.items():
            if value is None:
                self._fields.setdefault(name, None)
            elif name != "index":
                self._add_field(name, value)
                says_nothing_more = False
        if says_nothing_more:
            self._repeated = fields

    def _add_field(self, name: str, value: Any) -> None:
        match name:
            case "text" | "logprobs" | "token_ids":
                grow(self._fields, {name: value})
            case "content_filter_results" if isinstance(value, dict):
                # Azure sends the categories as they are decided
                grow(self._fields, {name: {}})
                replace_fields(self._fields[name], value)
            case _:
                replace_fields(self._fields, {name: value})

    def _add_delta(self, delta: Any) -> None:
        if not isinstance(delta, dict):
            return
        calls = delta.get("tool_calls")
        if isinstance(calls, list):
            self._calls.add(calls)
            delta = {name: value for name, value in delta.items() if name != "tool_calls"}
        grow(self._message, delta)

    def finalize(self) -> dict[str, Any]:
        """The choice as it is without streaming. A whole `message` beside the pieces (Perplexity) gives way to them."""
        choice: dict[str, Any] = finalize(self._fields)
        message = finalize(self._message)
        calls = self._calls.finalize()
        if calls:
            message["tool_calls"] = calls
        if message or not choice.keys() & {"message", "text"}:
            choice["message"] = message
        return choice


class ToolCalls:
    """The tool calls of a message that is being put together."""

    __slots__ = ("_by_index", "_calls")

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []
        self._by_index: dict[int | None, dict[str, Any]] = {}

    def add(self, pieces: list[Any]) -> None:
        """Take the pieces that one chunk holds. A piece without index belongs to the call before."""
        for piece in pieces:
            if not isinstance(piece, dict):
                continue
            index = index_of(piece)
            call = self._by_index.get(index)
            if call is None or _begins_another(call, piece):
                call = self._by_index[index] = self._by_index[None] = GrowingObject()
                self._calls.append(call)
            grow(call, piece)

    def finalize(self) -> list[dict[str, Any]]:
        """The calls as they are without streaming, without their index."""
        return [{name: finalize(value) for name, value in call.items() if name != "index"} for call in self._calls]


def _begins_another(call: dict[str, Any], piece: dict[str, Any]) -> bool:
    """Gemini's OpenAI endpoint gives the same index to all calls of a turn: a new id with a new name is a new call."""
    function = piece.get("function")
    named = isinstance(function, dict) and function.get("name")
    return bool(named and call.get("id") and piece.get("id") and call["id"] != piece["id"])
