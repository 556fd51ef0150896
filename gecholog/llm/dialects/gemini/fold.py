"""Gemini's `streamGenerateContent`: each chunk is an answer that goes on where the last one ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gecholog.llm.accumulate import GrowingObject, finalize, grow, index_of, replace_fields
from gecholog.llm.dialect import Answer, Dialect, state_of
from gecholog.llm.event import Event

_TEXT_PART = frozenset({"text", "thought", "thoughtSignature"})
_CHUNK_FIELDS = {"candidates": list, "usageMetadata": dict, "promptFeedback": dict}


def _knows(event: Event) -> bool:
    return any(isinstance(event.value.get(name), kind) for name, kind in _CHUNK_FIELDS.items())


def _fold(events: Iterable[Event]) -> Answer:
    answer: Answer = {}
    candidates: dict[int, Candidate] = {}
    for event in events:
        state = state_of(event)
        pieces = state.pop("candidates", None)
        replace_fields(answer, state)
        if isinstance(pieces, list):
            _add(candidates, pieces)
    if candidates:
        answer["candidates"] = [candidates[index].finalize() for index in sorted(candidates)]
    return answer


def _add(candidates: dict[int, Candidate], pieces: list[Any]) -> None:
    for position, piece in enumerate(pieces):
        if isinstance(piece, dict):
            index = index_of(piece)
            candidates.setdefault(position if index is None else index, Candidate()).add(piece)


class Candidate:
    """A candidate that is being put together."""

    __slots__ = ("_content", "_fields", "_parts")

    def __init__(self) -> None:
        self._fields: dict[str, Any] = GrowingObject()
        self._content: dict[str, Any] = {}
        self._parts: list[dict[str, Any]] = []

    def add(self, piece: dict[str, Any]) -> None:
        """Take what one chunk holds: its own citations and log probabilities, and the last state of all else."""
        for name, value in piece.items():
            match name:
                case "content" if isinstance(value, dict):
                    self._add_content(value)
                case "citationMetadata" | "logprobsResult":
                    grow(self._fields, {name: value})
                case _:
                    replace_fields(self._fields, {name: value})

    def _add_content(self, content: dict[str, Any]) -> None:
        parts = content.pop("parts", None)
        replace_fields(self._content, content)
        for part in parts if isinstance(parts, list) else []:
            if not isinstance(part, dict):
                continue
            if self._parts and _continues(self._parts[-1], part):
                grow(self._parts[-1], part)
            else:
                self._parts.append(GrowingObject(part))

    def finalize(self) -> dict[str, Any]:
        """The candidate as it is without streaming."""
        fields: dict[str, Any] = finalize(self._fields)
        if self._content or self._parts:
            parts = [finalize(part) for part in self._parts]
            return {"content": {"parts": parts, **self._content} if parts else self._content, **fields}
        return fields


def _continues(last: dict[str, Any], part: dict[str, Any]) -> bool:
    """Text goes on while it stays thought or answer; the signature, often in an empty part, closes it."""
    if not (last.keys() <= _TEXT_PART and part.keys() <= _TEXT_PART):
        return False
    return "text" in last and "thoughtSignature" not in last and bool(last.get("thought")) == bool(part.get("thought"))


def _ends(event: Event) -> bool:
    """There is no mark of its own: the last chunk tells why each candidate ended."""
    candidates = event.value.get("candidates")
    if not isinstance(candidates, list) or not candidates:
        return False
    return all(isinstance(candidate, dict) and bool(candidate.get("finishReason")) for candidate in candidates)


DIALECT = Dialect(_knows, _fold, ends=_ends)
