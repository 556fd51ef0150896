"""Answers the messages of gl: chooses the target of a request, and learns from responses. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.logs import Log
from gecholog.message import Message, Response
from gecholog.timer import Timestamp
from processors.broker.groups import Group, WhenAllOpen
from processors.broker.health_table import Choice, HealthTable
from processors.broker.health_update import monotonic_s
from processors.broker.outcome import Outcome, outcomes

Clock = Callable[[], Timestamp]

log = Log("broker")

_NOTHING = b""
_NANOSECONDS = 1_000_000_000


class ProbeCoordinator(Protocol):
    """Coordinates this broker with its replicas."""

    async def acquire_probe(self, path: str) -> bool:
        """Acquire the right to probe a target. If it is granted, the table is updated, and True is returned."""

    def publish(self, path: str) -> None:
        """Publish the health of a target, which has changed."""


class Broker:
    """Answers messages, one at a time."""

    def __init__(self, table: HealthTable, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._groups: dict[str, Group] = {}
        self._any_status_but_200 = False

    def configure(self, groups: Iterable[Group], *, any_status_but_200: bool) -> None:
        """Replace all groups at once."""
        self._groups = {group.router: group for group in groups}
        self._any_status_but_200 = any_status_but_200

    async def answer(self, data: bytes, coordinator: ProbeCoordinator) -> bytes:
        """Return the reply to a message. It is empty if there is nothing to write."""
        try:
            message = Message.of(data)
        except NotJson:
            return _NOTHING
        if isinstance(message, Response):
            self._learn(message, coordinator)
            return _NOTHING
        path = message.get("gl_path")
        group = self._groups.get(path) if isinstance(path, str) else None
        # A call that another processor has answered is not routed.
        if group is None or "control" in message:
            return _NOTHING
        return await self._route(group, coordinator)

    # ------------------------------------------------------------- requests

    async def _route(self, group: Group, coordinator: ProbeCoordinator) -> bytes:
        choice = self._table.choose(group, monotonic_s(self._clock()))
        paths = choice.paths
        if not paths and group.when_all_open is WhenAllOpen.PANIC:
            paths = self._table.panic(group)
        if choice.half_open is not None and await coordinator.acquire_probe(choice.half_open):
            log.info("probing target, circuit breaker half-open", router=choice.half_open)
            paths = [choice.half_open, *(path for path in paths if path != choice.half_open)]
        written = route_fields(paths, group) if paths else unavailable_response(choice, group)
        return rawjson.dumps(written) if written else _NOTHING

    # ------------------------------------------------------------ responses

    def _learn(self, response: Response, coordinator: ProbeCoordinator) -> None:
        timestamp = self._clock()
        now, wall = monotonic_s(timestamp), timestamp.wall_ns / _NANOSECONDS
        for outcome in outcomes(response, any_status_but_200=self._any_status_but_200, wall=wall):
            if self._table.learn(outcome, now):
                self._log_change(outcome, now)
                coordinator.publish(outcome.path)

    def _log_change(self, outcome: Outcome, now: float) -> None:
        health = self._table.health(outcome.path)
        if health is None:
            log.info("target recovered, circuit breaker closed", router=outcome.path)
        else:
            left = round(health.half_open_at - now, 3)
            log.warning(
                "target failed, circuit breaker opened", router=outcome.path, reason=health.reason, seconds=left
            )


def route_fields(paths: list[str], group: Group) -> dict[str, Any]:
    """Return the fields that send a call to the first of these targets."""
    rest = paths[1:] if group.failover else []
    return {"gl_path": paths[0]} | ({"fallback_paths": rest} if rest else {})


def unavailable_response(choice: Choice, group: Group) -> dict[str, Any]:
    """Return the fields that answer a call without an available target, or none if it is to continue unchanged."""
    if group.when_all_open is WhenAllOpen.PASS:
        return {}
    return {
        "control": group.unavailable.body,
        "control_status_code": group.unavailable.status_code,
        "control_headers": {"Retry-After": [str(max(1, math.ceil(choice.retry_after)))]},
    }
