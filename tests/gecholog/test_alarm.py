"""The alarm: whoever waits is looked at in time, whatever came before."""

import asyncio
import time
from itertools import pairwise

from gecholog.alarm import NEVER, Alarm
from tests.support.waiting import DEADLINE, eventually


class Waiting:
    """Things that are due some time, and the order in which they were."""

    def __init__(self):
        self.due = {}
        self.late = []
        self.looks = 0
        self.alarm = Alarm(self.look)

    def add(self, name, seconds):
        self.due[name] = asyncio.get_running_loop().time() + seconds
        self.alarm.set(self.due[name])

    def look(self, by):
        self.looks += 1
        late = sorted((due, name) for name, due in self.due.items() if due <= by)
        for _, name in late:
            del self.due[name]
            self.late.append(name)
        return min(self.due.values(), default=NEVER)


async def test_in_order():
    """Who is due first comes first, in whatever order they began to wait."""
    waiting = Waiting()
    for name, seconds in (("c", 0.15), ("a", 0.02), ("d", 0.2), ("b", 0.08)):
        waiting.add(name, seconds)
    await eventually(lambda: len(waiting.late) == 4)
    assert waiting.late == ["a", "b", "c", "d"]
    assert waiting.alarm.next == NEVER


async def test_not_before_its_time():
    """What is due later is not late yet."""
    loop = asyncio.get_running_loop()
    waiting, began = Waiting(), loop.time()
    waiting.add("a", 0.1)
    await eventually(lambda: waiting.late)
    assert loop.time() - began > 0.098


async def test_who_does_not_wait_any_more():
    """It is enough not to be there when somebody looks; nobody looks again for nothing."""
    waiting = Waiting()
    waiting.add("a", 0.02)
    waiting.due.clear()
    await eventually(lambda: waiting.looks == 1)
    await asyncio.sleep(0.05)
    assert (waiting.looks, waiting.late, waiting.alarm.next) == (1, [], NEVER)


async def test_cancelled():
    """After that nobody looks, until it is set again."""
    waiting = Waiting()
    waiting.add("a", 0.01)
    waiting.alarm.cancel()
    await asyncio.sleep(0.05)
    assert waiting.looks == 0
    waiting.add("b", 0.01)
    async with asyncio.timeout(DEADLINE):
        await eventually(lambda: waiting.late == ["a", "b"])


async def test_many_are_late_one_by_one():
    """Looking takes a fifth of the time at the most, however often somebody is due."""
    loop, looks = asyncio.get_running_loop(), []

    def look(by):
        looks.append(loop.time())
        time.sleep(0.005)
        return by

    alarm = Alarm(look)
    alarm.set(loop.time())
    await eventually(lambda: len(looks) > 10)
    alarm.cancel()
    assert all(after - before > 0.02 for before, after in pairwise(looks))


async def test_look_that_fails():
    """A mistake of one who looks does not leave the others waiting for ever."""
    looks = []

    def look(by):
        looks.append(by)
        if len(looks) == 1:
            raise ZeroDivisionError
        return NEVER

    heard = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context["exception"]))
    Alarm(look).set(0)
    await eventually(lambda: len(looks) == 2)
    assert [type(error) for error in heard] == [ZeroDivisionError]
