"""Metrics: counts each call when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies


def observe(call: Call, deps: Dependencies) -> None:
    """Count the call, also if it leaves no record."""
    deps.metrics.observe(call)
