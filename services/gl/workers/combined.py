"""Combines what workers report into what the gateway reports. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog.recordstatus import RecordStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gecholog.breakerstatus import OpenBreaker


def is_alive_report(reports: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The answer on the is-alive topic: the last call and the last error of all workers.

    A report is the `Body` of a worker's own answer. All times are texts of the same length in UTC, so they sort.
    """
    bodies = list(reports)
    called = max(bodies, key=lambda one: one["LastIngressTime"], default=None)
    failed = max(bodies, key=lambda one: one["LastErrorTime"], default=None)
    body = {
        "LastTransactionID": "" if called is None else called["LastTransactionID"],
        "LastIngressTime": "" if called is None else called["LastIngressTime"],
        "LastError": "" if failed is None else failed["LastError"],
        "LastErrorTime": "" if failed is None else failed["LastErrorTime"],
    }
    return {"Status": 200, "Body": body, "Error": None}


def record_status(present: Sequence[RecordStatus], gone: RecordStatus) -> RecordStatus:
    """The status of the records of all workers. `gone` has the losses of workers that have ended, and of before."""
    reasons = dict.fromkeys(one.reason for one in present if one.reason)
    return RecordStatus(
        failing=any(one.failing for one in present),
        stalled=any(one.stalled for one in present),
        reason=", ".join(reasons),
        waiting=sum(one.waiting for one in present),
        held=sum(one.held for one in present),
        lost=gone.lost + sum(one.lost for one in present),
        damaged=gone.damaged + sum(one.damaged for one in present),
    )


def losses(gone: RecordStatus, ended: RecordStatus) -> RecordStatus:
    """The losses so far, with those of one more worker that has ended."""
    return RecordStatus(lost=gone.lost + ended.lost, damaged=gone.damaged + ended.damaged)


def open_breakers(reports: Iterable[Sequence[OpenBreaker]]) -> list[OpenBreaker]:
    """The circuit breakers that are open in any worker. If several have one, the one that opened last counts."""
    latest: dict[str, OpenBreaker] = {}
    for one in (breaker for report in reports for breaker in report):
        known = latest.get(one.target)
        if known is None or one.opened > known.opened:
            latest[one.target] = one
    return [latest[target] for target in sorted(latest)]
