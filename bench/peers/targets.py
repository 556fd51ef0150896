"""What a peer is pointed at."""

from __future__ import annotations

from dataclasses import dataclass

SIZE = 1_000  # bytes; a peer has one target address, and that has one size of answers


@dataclass(frozen=True, slots=True)
class Targets:
    """Base urls of an OpenAI-like API: plain answers of `SIZE` bytes, and streams."""

    plain: str
    streams: str
