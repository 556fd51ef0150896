"""OpenAI's streams of images, transcripts and speech: pieces, then an event with the whole and the token usage."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from gecholog.llm.accumulate import joined, replace_fields
from gecholog.llm.dialect import Answer, Dialect, is_error
from gecholog.llm.event import Event

_IMAGES = ("image_generation.completed", "image_edit.completed")
_TRANSCRIPT = "transcript.text.done"
_SPEECH = "speech.audio.done"
_LAST = frozenset({*_IMAGES, _TRANSCRIPT, _SPEECH})
_PREFIXES = ("image_generation.", "image_edit.", "transcript.text.", "speech.audio.")
_IMAGE_FIELDS = frozenset({"b64_json", "url", "revised_prompt"})
_OF_THE_EVENT = _IMAGE_FIELDS | {"type", "sequence_number"}
_KEPT = 64 * 1024  # characters of an image or of speech, in base64; beyond that a record has its size and hash


def _knows(event: Event) -> bool:
    kind = event.value.get("type")
    return isinstance(kind, str) and kind.startswith(_PREFIXES)


def _fold(events: Iterable[Event]) -> Answer:
    answer: Answer = {}
    images: list[dict[str, Any]] = []
    texts: list[str] = []
    segments: list[dict[str, Any]] = []
    sounds: list[str] = []
    for event in events:
        match event.value:
            case {"type": "transcript.text.delta", "delta": str(piece)}:
                texts.append(piece)
            case {"type": "transcript.text.segment"}:
                segments.append(_without_type(event.value))
            case {"type": "speech.audio.delta", "audio": str(piece)}:
                sounds.append(piece)
            case {"type": str(kind)} if kind in _IMAGES:
                images.append({name: _kept(value) for name, value in event.value.items() if name in _IMAGE_FIELDS})
                replace_fields(
                    answer, {name: value for name, value in event.value.items() if name not in _OF_THE_EVENT}
                )
            case {"type": str(kind)} if kind in _LAST:
                replace_fields(answer, _without_type(event.value))
            case {"error": error} if is_error(error):
                answer["error"] = error
    if "created_at" in answer:
        answer["created"] = answer.pop("created_at")
    parts = {"data": images, "segments": segments, "text": joined(texts), "audio": _kept("".join(sounds))}
    return {name: value for name, value in parts.items() if value} | answer


def _without_type(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "type"}


def _kept(value: Any) -> Any:
    """A text that is not too long, else its size and hash, so that the usage beside it stays in the record."""
    if not isinstance(value, str) or len(value) <= _KEPT:
        return value
    data = value.encode("utf-8", "replace")
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _ends(event: Event) -> bool:
    return event.value.get("type") in _LAST


DIALECT = Dialect(_knows, _fold, ends=_ends)
