"""Settles a call with its limits, once: as soon as its usage is known, at the latest when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gl.call_usage import used

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies


def settle(call: Call, deps: Dependencies) -> None:
    """Count what a call has used in place of what it reserved."""
    if call.subjects and not call.is_settled:
        call.is_settled = True
        deps.quotas.settle(call.subjects, call.reservation.held, used(call))
