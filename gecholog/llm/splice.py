"""Changes of one member of a JSON object, in its bytes: everything else stays as it was written. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_SMALL = 64 * 1024  # bytes that are copied twice in less time than it takes to make views of them
_SPACE = b" \t\r\n"
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_LONGEST_SPACE = 1024  # bytes at the end of a body in which its last member ends; if not, the brace tells
_MOST_TRIED = 8  # places at which the body has the name


def spliced(body: bytes, at: int, more: bytes, end: int | None = None) -> bytes:
    """`body` with `more` in place of what stands from `at` to `end`; a large body is copied once."""
    view: bytes | memoryview = body if len(body) <= _SMALL else memoryview(body)
    return b"".join((view[:at], more, view[at if end is None else end :]))


def appended(body: bytes, name: bytes, value: bytes) -> bytes:
    """An object with one more member at its end. Of a name that comes twice servers take the last.

    `name` is quoted. The object has members already.
    """
    return spliced(body, _behind_last(body), b"," + name + b":" + value)


def _behind_last(body: bytes) -> int:
    """The place behind the last member of an object."""
    view = body[-_LONGEST_SPACE:]  # of a large body only the end is copied
    before = view.rstrip(_SPACE)[:-1].rstrip(_SPACE)
    return len(body) - len(view) + len(before) if before else body.rindex(b"}")


class Member(NamedTuple):
    """A member of an object: its name in quotes, and how its value is found in a body, as it is written there."""

    name: bytes
    value_of: Callable[[bytes], bytes | None]


def replaced(body: bytes, member: Member, old: bytes, new: bytes) -> bytes:
    """An object in which a member has the value `new` in place of `old`, as they are written.

    Its top level is not walked: of the places that look right, one is tried and checked. If none is right, for the name
    is written with escapes, say, the member is appended. The places are tried from the end.
    """
    name = member.name
    at = len(body)
    for _ in range(_MOST_TRIED):
        at = body.rfind(name, 0, at)
        if at < 0:
            break
        value = _COLON.match(body, at + len(name))
        if value is None or not body.startswith(old, value.end()):
            continue
        changed = spliced(body, value.end(), new, value.end() + len(old))
        if member.value_of(changed) == new:
            return changed
    return appended(body, name, new)
