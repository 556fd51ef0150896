"""Settles a call with its limits, once: as soon as its usage is known, at the latest when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.logs import Log
from gecholog.quota.holds import NOTHING
from services.gl.quota.reservation import FREE
from services.gl.record.usage import cost_of_nano, usage_json
from services.gl.usage.call_usage import Charge, charge_of

if TYPE_CHECKING:
    from gecholog.llm import Usage
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies

log = Log("quota")


def settle(call: Call, deps: Dependencies) -> None:
    """Count what a call has used in place of what it reserved. Never fails: a reply must not be lost over it.

    An estimate that is charged is what the record shows, so that records add up to what limits count.
    """
    if call.limits is None or not call.is_admitted or call.is_settled:
        return
    call.is_settled = True
    try:
        charge = charge_of(call)
        if charge.estimate is not None:
            _show(call, charge, charge.estimate)
    except Exception as error:  # noqa: BLE001 - a border: what is not known counts as it was reserved
        log.fault("usage of a call not known, counting its reservation", error)
        charge = Charge(call.reservation.held.plus(call.held_beside))
    held = call.reservation.held if call.held_beside is NOTHING else call.reservation.held.plus(call.held_beside)
    deps.quotas.settle(call.limits.accounts, held, charge.held)


def _show(call: Call, charge: Charge, estimate: Usage) -> None:
    """Record an estimate. Its cost is known if a budget in USD is charged."""
    call.usage, call.usage_shown = estimate, usage_json(estimate)
    if call.reservation.rates is not FREE and call.config.prices is not None:
        nano_usd = charge.held.nano_usd - call.used_beside.nano_usd
        call.cost = cost_of_nano(nano_usd, call.config.prices.version)
