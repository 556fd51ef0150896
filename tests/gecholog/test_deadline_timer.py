"""The deadline timer: each deadline is noticed in time, whatever came before."""

import asyncio
import time
from itertools import pairwise

from gecholog.deadline_timer import NEVER, DeadlineTimer
from tests.support.waiting import DEADLINE, eventually


class Waiting:
    """Waiters with deadlines, and the order in which they passed."""

    def __init__(self):
        self.deadlines = {}
        self.late = []
        self.scans = 0
        self.timer = DeadlineTimer(self.scan)

    def add(self, name, seconds):
        self.deadlines[name] = asyncio.get_running_loop().time() + seconds
        self.timer.set(self.deadlines[name])

    def scan(self, by):
        self.scans += 1
        late = sorted((deadlines, name) for name, deadlines in self.deadlines.items() if deadlines <= by)
        for _, name in late:
            del self.deadlines[name]
            self.late.append(name)
        return min(self.deadlines.values(), default=NEVER)


async def test_in_order():
    """The earliest deadline comes first, in whatever order they were set."""
    waiting = Waiting()
    for name, seconds in (("c", 0.15), ("a", 0.02), ("d", 0.2), ("b", 0.08)):
        waiting.add(name, seconds)
    await eventually(lambda: len(waiting.late) == 4)
    assert waiting.late == ["a", "b", "c", "d"]
    assert waiting.timer.next == NEVER


async def test_not_before_its_time():
    """A deadline that has not passed is not late."""
    loop = asyncio.get_running_loop()
    waiting, began = Waiting(), loop.time()
    waiting.add("a", 0.1)
    await eventually(lambda: waiting.late)
    assert loop.time() - began > 0.098


async def test_who_does_not_wait_any_more():
    """A waiter that is gone needs no cancelling; there is no scan after the one that was set."""
    waiting = Waiting()
    waiting.add("a", 0.02)
    waiting.deadlines.clear()
    await eventually(lambda: waiting.scans == 1)
    await asyncio.sleep(0.05)
    assert (waiting.scans, waiting.late, waiting.timer.next) == (1, [], NEVER)


async def test_cancelled():
    """After that nobody scans, until it is set again."""
    waiting = Waiting()
    waiting.add("a", 0.01)
    waiting.timer.cancel()
    await asyncio.sleep(0.05)
    assert waiting.scans == 0
    waiting.add("b", 0.01)
    async with asyncio.timeout(DEADLINE):
        await eventually(lambda: waiting.late == ["a", "b"])


async def test_many_are_late_one_by_one():
    """Scans take a fifth of the time at most, however often a deadline passes."""
    loop, scans = asyncio.get_running_loop(), []

    def scan(by):
        scans.append(loop.time())
        time.sleep(0.005)
        return by

    timer = DeadlineTimer(scan)
    timer.set(loop.time())
    await eventually(lambda: len(scans) > 10)
    timer.cancel()
    assert all(after - before > 0.02 for before, after in pairwise(scans))


async def test_scan_that_fails():
    """A mistake of one who scans does not leave the others waiting for ever."""
    scans = []

    def scan(by):
        scans.append(by)
        if len(scans) == 1:
            raise ZeroDivisionError
        return NEVER

    heard = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context["exception"]))
    DeadlineTimer(scan).set(0)
    await eventually(lambda: len(scans) == 2)
    assert [type(error) for error in heard] == [ZeroDivisionError]
