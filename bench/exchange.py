"""The sizes of the two bodies of a call. Pure functions."""

from __future__ import annotations

from typing import NamedTuple

_UNITS = {"k": 1_000, "m": 1_000_000}
_MAX = 100_000_000  # bytes


class Exchange(NamedTuple):
    """Bytes of a request's body and of its response's body."""

    request: int
    response: int

    @property
    def name(self) -> str:
        """`1 KB`, or `100 KB in, 2 KB out` if the sizes differ."""
        if self.request == self.response:
            return _name(self.request)
        return f"{_name(self.request)} in, {_name(self.response)} out"


def parse(text: str) -> Exchange:
    """Read `1k`, `1m` or `100k/2k` (request and response). Raises ValueError."""
    request, _, response = text.partition("/")
    return Exchange(_size(request), _size(response or request))


def _size(text: str) -> int:
    number, unit = text[:-1], text[-1:].lower()
    if unit not in _UNITS or not number.isdecimal() or not 0 < (size := int(number) * _UNITS[unit]) <= _MAX:
        raise ValueError(f"{text!r} is not a size such as 1k, 100k or 1m")
    return size


def _name(size: int) -> str:
    mega = _UNITS["m"]
    return f"{size // mega} MB" if size >= mega else f"{size // _UNITS['k']} KB"
