"""What records show of payloads: all, with matches of patterns masked, or only their sizes and hashes. Pure.

Payloads on the wire, and what processors get, are not changed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gecholog import llm
from gecholog.rawjson import Raw, dumps
from services.gl.record.redaction import TooSlow, masked_json, masked_text

if TYPE_CHECKING:
    from services.gl.record.redaction import Pattern

_SHOWN = ("content_type", "size", "sha256")  # of a payload that is not recorded as a whole
_SEARCHED_AT_ONCE = 16 * 1024  # bytes of a payload
_HEAD = 64  # bytes of a text that tell whether it is a stream
_SPACE_IN_JSON = re.compile(rb'"(?: |\\[rnt])*')


@dataclass(frozen=True, slots=True)
class PayloadPrivacy:
    """What the records of a router show of payloads. `hides`: only size and hash. `patterns` are masked in the rest.

    What cannot be searched as a whole is hidden: a payload that is too large to be recorded, a stream that was not
    folded, in which a match may be spread over events, and a payload in which the search takes too long.
    """

    hides: bool = False
    patterns: tuple[Pattern, ...] = ()

    def shown(self, value: Any) -> Any:
        """What a record shows of the value of a payload. The result for a large value is kept with it."""
        if not isinstance(value, Raw):
            return self._shown(value)
        known = value.shown
        if known is None or known[0] != self:
            known = value.shown = (self, self._shown(value))
        return known[1]

    def takes_long(self, value: Any) -> bool:
        """Whether `shown` takes too long for the event loop. It does not after `prepare`."""
        if not self.patterns or not isinstance(value, Raw) or len(value) <= _SEARCHED_AT_ONCE:
            return False
        return value.shown is None or value.shown[0] != self

    def prepare(self, value: Any) -> None:
        """Do the work of `shown` for a value that will be recorded, in a thread for example."""
        if isinstance(value, Raw):
            self.shown(value)

    def shown_text(self, text: str) -> str:
        """What a record shows of a text of gl, in which a payload may be quoted."""
        try:
            return masked_text(text, self.patterns)
        except TooSlow:
            return ""

    def _shown(self, value: Any) -> Any:
        if isinstance(value, dict):  # of what was not recorded as a whole, or is not text
            return {name: value[name] for name in _SHOWN if name in value}
        if not value:
            return value
        if not isinstance(value, bytes | str):
            return _digest(dumps(value))
        if self.hides or _is_events(value):
            return _digest(value)
        try:
            return self._masked(value)
        except TooSlow:
            return _digest(value)

    def _masked(self, value: bytes | str) -> bytes | str:
        if isinstance(value, str):
            return masked_text(value, self.patterns)
        masked = masked_json(value, self.patterns)
        return value if masked == value else Raw(masked)


def _is_events(value: bytes | str) -> bool:
    """Whether a value is the text of a stream, perhaps after white space. As JSON, it is a string."""
    if isinstance(value, str):
        start = value.lstrip()[:_HEAD].encode("utf-8", "replace")
    elif (found := _SPACE_IN_JSON.match(value)) is not None:
        start = bytes(value[found.end() : found.end() + _HEAD])
    else:
        return False
    return llm.begins_as_sse(start.replace(b"\\n", b"\n")) or start.lstrip().startswith((b"{", b"["))


def _digest(value: bytes | str) -> dict[str, Any]:
    data = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def strictest(*rules: PayloadPrivacy | None) -> PayloadPrivacy | None:
    """What satisfies all rules, or None."""
    strict: PayloadPrivacy | None = None
    for rule in rules:
        if rule is None or rule == strict:
            continue
        strict = rule if strict is None else _both(strict, rule)
    return strict


def _both(one: PayloadPrivacy, other: PayloadPrivacy) -> PayloadPrivacy:
    return PayloadPrivacy(one.hides or other.hides, tuple(dict.fromkeys((*one.patterns, *other.patterns))))


HIDDEN = PayloadPrivacy(hides=True)
"""Shows sizes and hashes only."""
