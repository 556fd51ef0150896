"""Events about budgets, as JSON on the bus: one when 80 percent of a budget are used up, and one at 100.

They are sent in the background, and once more for each second that the bus is away. A replica that does not know of the
others' event yet may send another one with the same `id`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson

from gecholog.errors import BusAway, BusError
from gecholog.logs import Log
from gecholog.quota.limits import usd_text
from gecholog.timer import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.bus import Bus
    from gecholog.quota.subject import Mark

log = Log("quota")

_RETRY_S = 1.0
_MOST_WAITING = 1000
_NANOSECONDS = 1_000_000  # in a millisecond


def event_of(mark: Mark, gateway_id: str, now: int) -> dict[str, Any]:
    """The event about a mark. `now` is in milliseconds since 1970."""
    budget = mark.budget
    kind, _, name = mark.subject.name.partition(".")
    used = {"tokens": mark.used} if budget.is_tokens else {"usd": usd_text(mark.used)}
    ends = {} if budget.period.value == "total" else {"ends": rfc3339(mark.ends * _NANOSECONDS)}
    return {
        "event": "budget_reached" if mark.percent >= 100 else "budget_nearly_reached",  # noqa: PLR2004 - percent
        "id": f"{mark.subject.name}/{budget.period.value}/{mark.ends}/{mark.percent}",
        "time": rfc3339(now * _NANOSECONDS),
        "gateway_id": gateway_id,
        "subject": {"kind": kind, "name": name},
        "percent": mark.percent,
        "budget": budget.as_json(),
        "used": used,
        **ends,
    }


def subject_of(topic: str) -> str:
    """The subject of events, beside that of a gateway: `coburn.gl.events` for `coburn.gl.gecholog`."""
    before, dot, _ = topic.rpartition(".")
    return f"{before}{dot}events"


class QuotaEvents:
    """Sends events on a bus, which changes with the config."""

    def __init__(self) -> None:
        self._bus: Bus | None = None
        self._subject = ""
        self._gateway_id = ""
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_MOST_WAITING)

    def send_to(self, bus: Bus, topic: str, gateway_id: str) -> None:
        """Send events on this bus from now on, on the subject beside `topic`."""
        self._bus, self._subject, self._gateway_id = bus, subject_of(topic), gateway_id

    def report(self, marks: Sequence[Mark], now: int) -> None:
        """Log marks, and send their events soon."""
        for mark in marks:
            event = event_of(mark, self._gateway_id, now)
            log.warning("budget used up to a mark", subject=mark.subject.name, percent=mark.percent, id=event["id"])
            if not self._waiting.full():
                self._waiting.put_nowait(event)

    async def run(self) -> None:
        """Send events until cancelled."""
        while True:
            data = orjson.dumps(await self._waiting.get())
            while not await self._sent(data):
                pass

    async def _sent(self, data: bytes) -> bool:
        """Whether an event needs no further try. Waits a moment if it does."""
        try:
            if self._bus is not None:
                await self._bus.publish(self._subject, data)
        except BusAway:
            await asyncio.sleep(_RETRY_S)
            return False
        except BusError as error:
            log.warning("event not sent", reason=str(error))
        return True
