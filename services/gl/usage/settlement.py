"""Settles a call with its limits, once: as soon as its usage is known, at the latest when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.logs import Log
from services.gl.usage.call_usage import used

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies

log = Log("quota")


def settle(call: Call, deps: Dependencies) -> None:
    """Count what a call has used in place of what it reserved. Never fails: a reply must not be lost over it."""
    if call.limits is None or not call.is_admitted or call.is_settled:
        return
    call.is_settled = True
    try:
        found = used(call)
    except Exception as error:  # noqa: BLE001 - a border: what is not known counts as it was reserved
        log.fault("usage of a call not known, counting its reservation", error)
        found = call.reservation.held
    deps.quotas.settle(call.limits.accounts, call.reservation.held, found)
