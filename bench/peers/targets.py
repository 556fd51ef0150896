"""The upstreams of a peer."""

from __future__ import annotations

from dataclasses import dataclass

from bench.exchange import Exchange

SMALL = Exchange(1_000, 1_000)  # a peer has one upstream address with one size of responses


@dataclass(frozen=True, slots=True)
class Targets:
    """Base URLs of an OpenAI-like API: plain responses of `SMALL.response` bytes, and streams."""

    plain: str
    streams: str
