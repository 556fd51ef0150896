"""What the broker answers to a message of gl: where a request goes. From responses it learns. Knows of no bus."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.logs import Log
from gecholog.message import Message, Response
from gecholog.timer import Timestamp
from processors.broker.board import Board, Choice
from processors.broker.groups import Group, WhenAllOut
from processors.broker.notice import seconds
from processors.broker.outcome import Outcome, outcomes

Clock = Callable[[], Timestamp]

log = Log("broker")

_NOTHING = b""
_NANOSECONDS = 1_000_000_000


class Sharing(Protocol):
    """The other replicas."""

    async def grant(self, path: str) -> bool:
        """Ask for the one probe of a target that is due; tells whether it was granted, and the board knows of it."""

    def tell(self, path: str) -> None:
        """The health of a target has changed."""


class Broker:
    """Answers messages, one after the other."""

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._groups: dict[str, Group] = {}
        self._any_status_but_200 = False

    def configure(self, groups: Iterable[Group], *, any_status_but_200: bool) -> None:
        """Put groups in force, all at once."""
        self._groups = {group.router: group for group in groups}
        self._any_status_but_200 = any_status_but_200

    async def answer(self, data: bytes, sharing: Sharing) -> bytes:
        """The bytes of the answer to a message; b"" if there is nothing to write, or it is not for the broker."""
        try:
            message = Message.of(data)
        except NotJson:
            return _NOTHING
        if isinstance(message, Response):
            self._learn(message, sharing)
            return _NOTHING
        path = message.get("gl_path")
        group = self._groups.get(path) if isinstance(path, str) else None
        # a call that is answered by somebody else goes nowhere
        if group is None or "control" in message:
            return _NOTHING
        return await self._routed(group, sharing)

    # ------------------------------------------------------------- requests

    async def _routed(self, group: Group, sharing: Sharing) -> bytes:
        choice = self._board.choose(group, seconds(self._clock()))
        paths = choice.paths
        if not paths and group.when_all_out is WhenAllOut.LEAST_BAD:
            paths = self._board.least_bad(group)
        if choice.due is not None and await sharing.grant(choice.due):
            log.info("probing target, circuit breaker half-open", router=choice.due)
            paths = [choice.due, *(path for path in paths if path != choice.due)]
        written = directions(paths, group) if paths else refusal(choice, group)
        return rawjson.dumps(written) if written else _NOTHING

    # ------------------------------------------------------------ responses

    def _learn(self, response: Response, sharing: Sharing) -> None:
        moment = self._clock()
        now, wall = seconds(moment), moment.wall_ns / _NANOSECONDS
        for outcome in outcomes(response, any_status_but_200=self._any_status_but_200, wall=wall):
            if self._board.learn(outcome, now):
                self._say(outcome, now)
                sharing.tell(outcome.path)

    def _say(self, outcome: Outcome, now: float) -> None:
        health = self._board.health(outcome.path)
        if health is None:
            log.info("target recovered, circuit breaker closed", router=outcome.path)
        else:
            left = round(health.until - now, 3)
            log.warning(
                "target failed, circuit breaker opened", router=outcome.path, reason=health.reason, seconds=left
            )


def directions(paths: list[str], group: Group) -> dict[str, Any]:
    """The fields that send a call to the first of these targets."""
    rest = paths[1:] if group.failover else []
    return {"gl_path": paths[0]} | ({"fallback_paths": rest} if rest else {})


def refusal(choice: Choice, group: Group) -> dict[str, Any]:
    """The fields that answer a call for which there is no target; none if it is to go on as it came."""
    if group.when_all_out is WhenAllOut.PASS:
        return {}
    return {
        "control": group.refusal.body,
        "control_status_code": group.refusal.status_code,
        "control_headers": {"Retry-After": [str(max(1, math.ceil(choice.wait)))]},
    }
