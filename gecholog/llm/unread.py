"""Gathers what a request says and the neutral form has no place for."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_NOTHING: tuple[Any, ...] = (None, "", [], {})


class Unread:
    """What a reader of requests finds beside the neutral form (see `chat.ChatRequest`).

    `required` changes the answer: a provider without it refuses the request. `hints` may be left out with a notice.
    """

    __slots__ = ("hints", "required")

    def __init__(self) -> None:
        self.hints: Json = {}
        self.required: Json = {}

    def note(self, fields: Json, known: frozenset[str], owner: str) -> None:
        """Note the members of an object that its reader does not know as hints, by the name `owner.member`.

        Those that are null or empty are not noted.
        """
        if fields.keys() <= known:
            return
        for name, value in fields.items():
            if name not in known and value not in _NOTHING:
                self.hints[f"{owner}.{name}"] = value
