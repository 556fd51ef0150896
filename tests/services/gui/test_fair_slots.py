"""Slots for work: in turns, with a limit, and none is ever lost."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gui.fair_slots import FairSlots, TooBusy


class Worker:
    """Takes a slot, and holds it until it is told to end."""

    def __init__(self, slots, origin, order, **more):
        self.go = asyncio.Event()
        self.task = asyncio.create_task(self._work(slots, origin, order, **more))

    async def _work(self, slots, origin, order, **more):
        async with slots.taken(origin, **more):
            order.append(origin)
            await self.go.wait()


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_origins_are_served_in_turns():
    slots, order = FairSlots(1, 10, 5, "busy"), []
    workers = [Worker(slots, origin, order) for origin in "aaaabbc"]
    workers.append(Worker(slots, "z", order, is_known=True))
    await settle()
    for worker in workers:
        worker.go.set()
    await asyncio.gather(*(worker.task for worker in workers))
    assert "".join(order) == "azabcaba"


async def test_who_waits_most_often_gives_way():
    slots, order = FairSlots(1, 4, 3, "busy"), []
    first = Worker(slots, "a", order)
    await settle()
    waiting = [Worker(slots, origin, order) for origin in "aaab"]
    await settle()
    late = Worker(slots, "c", order)
    await settle()
    with pytest.raises(TooBusy, match="busy"):
        await waiting[2].task
    refused = Worker(slots, "b", order)  # it would wait as often as the one who waits most often
    with pytest.raises(TooBusy):
        await refused.task
    for worker in (first, *waiting, late):
        worker.go.set()
    await asyncio.gather(first.task, waiting[0].task, waiting[1].task, waiting[3].task, late.task)
    assert sorted(order) == ["a", "a", "a", "b", "c"]


async def test_one_origin_has_a_limit_also_if_it_is_known():
    slots, order = FairSlots(1, 10, 2, "busy"), []
    workers = [Worker(slots, "a", order, is_known=True) for _ in range(4)]
    await settle()
    with pytest.raises(TooBusy):
        await workers[3].task
    for worker in workers:
        worker.go.set()
    await asyncio.gather(*(worker.task for worker in workers[:3]))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=25))
def test_no_slot_is_lost(steps):
    """Whoever comes, is cancelled or refused: afterwards as many can work as before."""

    async def run():
        slots, order = FairSlots(2, 4, 3, "busy"), []
        workers = []
        for origin, is_known, cancel in steps:
            workers.append(Worker(slots, origin, order, is_known=is_known))
            await asyncio.sleep(0)
            if cancel:
                workers[len(workers) // 2].task.cancel()
        for worker in workers:
            worker.go.set()
        await asyncio.gather(*(worker.task for worker in workers), return_exceptions=True)
        last = [Worker(slots, "x", order) for _ in range(2)]
        await settle()
        assert order[-2:] == ["x", "x"]
        for worker in last:
            worker.go.set()
        await asyncio.gather(*(worker.task for worker in last))

    asyncio.run(run())
