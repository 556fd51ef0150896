"""The upstreams of a peer."""

from __future__ import annotations

from dataclasses import dataclass

SIZE = 1_000  # bytes; a peer has one upstream address with one size of responses


@dataclass(frozen=True, slots=True)
class Targets:
    """Base URLs of an OpenAI-like API: plain responses of `SIZE` bytes, and streams."""

    plain: str
    streams: str
