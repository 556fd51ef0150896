"""The limits of requests and connections that the config sets."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are in bytes, times in seconds; None is no limit."""

    request_body: int = 100 * _MIB
    request_head: int = _MIB
    response_buffer: int = 32 * _MIB
    request_head_time: float | None = 30.0
    request_body_time: float | None = 60.0
    idle_time: float | None = 75.0
    handshake_time: float = 10.0
    connections: int = 10_000
    inflight_body: int = 1024 * _MIB
