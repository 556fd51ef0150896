"""Names of windows and subjects as parts of keys in a key-value bucket. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

_ESCAPED = re.compile(r"[^A-Za-z0-9/_-]")


@lru_cache(maxsize=4096)
def part_of(window: str, name: str) -> str:
    """The part of a key for a subject in a window. Keys have few characters, and dots separate their parts."""
    return f"{_part(window)}.{_part(name)}"


def parts_of(part: str) -> tuple[str, str]:
    """The window and the name from which `part_of` made a part. Raises ValueError if it did not."""
    window, dot, name = part.partition(".")
    if not dot or "." in name:
        raise ValueError("is not the key of a window and a subject")
    return _text(window), _text(name)


def _part(text: str) -> str:
    return _ESCAPED.sub(lambda match: "".join(f"={byte:02x}" for byte in match[0].encode()), text)


def _text(part: str) -> str:
    head, *escapes = part.split("=")
    data = bytearray(head.encode())
    for one in escapes:
        data.append(int(one[:2], 16))
        data += one[2:].encode()
    return data.decode()
