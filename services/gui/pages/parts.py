"""What several pages draw. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

_BAR_WIDTH = 1000.0  # units of the timeline


class Bar(Protocol):
    """A span of a timeline, in milliseconds from its start."""

    @property
    def start_ms(self) -> float: ...
    @property
    def duration_ms(self) -> float: ...


B = TypeVar("B", bound=Bar)


def placed(bars: Sequence[B]) -> list[tuple[B, float, float]]:
    """The bars of a timeline, with where each begins and how wide it is; the shortest is still visible."""
    whole = max((bar.start_ms + bar.duration_ms for bar in bars), default=0.0)
    scale = _BAR_WIDTH / whole if whole else 0.0
    return [(bar, round(bar.start_ms * scale, 1), round(max(4.0, bar.duration_ms * scale), 1)) for bar in bars]
