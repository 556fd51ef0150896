"""A few slots for work that takes CPU, and who waits for them: nobody can keep others out by asking often.

Those who wait are served in turns, one of each origin after the other. When too many wait, who waits most often gives
way. Origins that are known are served before all others.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gecholog.errors import GechologError


class TooBusy(GechologError):
    """Too much work waits."""


_Queue = OrderedDict[str, deque["asyncio.Future[None]"]]


class FairSlots:
    """`slots` pieces of work at a time; of others, up to `most_waiting` wait, and up to `most_of_one` of an origin."""

    def __init__(self, slots: int, most_waiting: int, most_of_one: int, busy: str) -> None:
        """`busy` tells people what to do when too many wait."""
        self._free = slots
        self._most_waiting = most_waiting
        self._most_of_one = most_of_one
        self._busy = busy
        self._known: _Queue = OrderedDict()
        self._others: _Queue = OrderedDict()

    @asynccontextmanager
    async def taken(self, origin: str, *, is_known: bool = False) -> AsyncIterator[None]:
        """A slot, for as long as the block runs. Raises TooBusy.

        `origin` is whose work it is: a user, a network. One that `is_known` is refused only for its own sake.
        """
        if self._free and not self._known and not self._others:
            self._free -= 1
        else:
            await self._wait(self._known if is_known else self._others, origin)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, queue: _Queue, origin: str) -> None:
        own = queue.get(origin, deque())
        if len(own) >= self._most_of_one:
            raise TooBusy(self._busy)
        if queue is self._others and sum(map(len, queue.values())) >= self._most_waiting:
            self._make_room(len(own))
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.setdefault(origin, own).append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on()  # it was given a slot, and cannot take it any more
            self._forget(queue, origin, turn)
            raise

    def _make_room(self, own: int) -> None:
        """Refuse the last of the origin that waits most often, or raise TooBusy if that is the one that asks."""
        origin, longest = max(self._others.items(), key=lambda item: len(item[1]))
        if len(longest) <= own + 1:
            raise TooBusy(self._busy)
        turn = longest.pop()
        if not longest:
            del self._others[origin]
        if not turn.done():
            turn.set_exception(TooBusy(self._busy))

    def _pass_on(self) -> None:
        """Give a slot to the next who waits, or keep it free."""
        for queue in (self._known, self._others):
            while queue:
                origin, turns = queue.popitem(last=False)
                turn = turns.popleft()
                if turns:
                    queue[origin] = turns  # at the end: the others come first
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1

    @staticmethod
    def _forget(queue: _Queue, origin: str, turn: asyncio.Future[None]) -> None:
        turns = queue.get(origin)
        if turns is not None and turn in turns:
            turns.remove(turn)
            if not turns:
                del queue[origin]
