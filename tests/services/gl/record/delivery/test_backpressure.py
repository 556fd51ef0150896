"""Calls wait while too many bytes of records are in flight, and no longer."""

import asyncio
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from services.gl.record.delivery.backpressure import LARGE, Backpressure
from tests.support.waiting import DEADLINE

IDS = (b"a", b"b", b"c")


@dataclass
class ACall:
    """A call that may have to wait."""

    backpressure_budget_s: float = 3.0


async def waits(backpressure, call, size=0):
    """Start to admit a call that has to wait."""
    waiting = backpressure.admit_bytes(call, size)
    assert waiting is not None
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(0)  # up to where it waits
    return task


def test_nobody_waits_where_there_is_room():
    """The common case costs no task switch."""
    call = ACall()
    assert Backpressure().admit_bytes(call) is None
    assert Backpressure().admit_bytes(call, LARGE + 1) is None
    assert call == ACall()


async def test_small_call_keeps_its_budget():
    """A call waits for records in general as long as it takes: only waiting for large ones is limited."""
    backpressure, call = Backpressure(accepted=100), ACall()
    backpressure.accepted(b"a", 200)
    task = await waits(backpressure, call, LARGE)
    backpressure.finalized(b"a")
    await asyncio.wait_for(task, DEADLINE)
    assert call == ACall()


async def test_budget_is_for_all_waits_of_a_call():
    """A large call that has waited for others long enough does not wait for them again."""
    backpressure, call = Backpressure(large=100), ACall(0.01)
    backpressure.accepted(b"a", LARGE + 1)
    await asyncio.wait_for(await waits(backpressure, call, LARGE + 1), DEADLINE)
    assert call.backpressure_budget_s == 0
    assert not backpressure.has_room(LARGE + 1)
    await asyncio.wait_for(await waits(backpressure, call, LARGE + 1), DEADLINE)


async def test_large_call_without_budget_waits_for_records_in_general():
    """Its budget is not for what every call waits for."""
    backpressure, call = Backpressure(accepted=100), ACall(0)
    backpressure.accepted(b"a", 200)
    task = await waits(backpressure, call, LARGE + 1)
    backpressure.accepted(b"a", 150)
    await asyncio.sleep(0.01)
    assert not task.done()
    backpressure.finalized(b"a")
    await asyncio.wait_for(task, DEADLINE)


@dataclass
class Model:
    """The same as `Backpressure`, counted again each time."""

    accepted: dict[bytes, int]
    sent: dict[bytes, int]
    bypasses_bus: bool = False
    is_nearly_full: bool = False

    def has_room(self, size):
        large = sum(bytes_ for bytes_ in self.accepted.values() if bytes_ > LARGE)
        full = sum(self.accepted.values()) > 5 * LARGE or self.is_nearly_full
        waits_for_bus = sum(self.sent.values()) > 3 * LARGE and not self.bypasses_bus
        return not (full or waits_for_bus or (size > LARGE and large > 2 * LARGE))


sizes = st.sampled_from([1, LARGE, LARGE + 1, 2 * LARGE])
steps = st.one_of(
    st.tuples(st.just("accepted"), st.sampled_from(IDS), sizes),
    st.tuples(st.just("finalized"), st.sampled_from(IDS)),
    st.tuples(st.just("sent"), st.sampled_from(IDS), sizes),
    st.tuples(st.just("answered"), st.sampled_from(IDS)),
    st.tuples(st.just("update"), st.booleans(), st.booleans()),
)


def apply(step, backpressure, model):
    match step:
        case "accepted", record_id, size:
            # a record is accepted again only as large as it was, about
            size = model.accepted.setdefault(record_id, size)
            backpressure.accepted(record_id, size)
        case "finalized", record_id:
            model.accepted.pop(record_id, None)
            backpressure.finalized(record_id)
        case "sent", record_id, size:
            model.sent[record_id] = size
            backpressure.sent(record_id, size)
        case "answered", record_id:
            model.sent.pop(record_id, None)
            backpressure.publish_ended(record_id)
        case "update", bypasses_bus, is_nearly_full:
            model.bypasses_bus, model.is_nearly_full = bypasses_bus, is_nearly_full
            backpressure.update(bypasses_bus=bypasses_bus, is_nearly_full=is_nearly_full)


@given(st.lists(steps, max_size=12), st.sampled_from([0, LARGE, LARGE + 1]), st.lists(steps, max_size=12))
def test_a_call_waits_until_there_is_room(before, size, after):
    """Whoever has to wait continues at the first moment at which there is room, and not before."""

    async def check():
        backpressure, model = Backpressure(5 * LARGE, 2 * LARGE, 3 * LARGE), Model({}, {})
        for step in before:
            apply(step, backpressure, model)
        call = ACall(1000)
        waiting = backpressure.admit_bytes(call, size)
        if waiting is None:
            assert model.has_room(size)
            return
        task = asyncio.ensure_future(waiting)
        await settle()
        for step in after:
            assert task.done() == model.has_room(size)
            if task.done():
                return
            apply(step, backpressure, model)
            await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(check())


async def settle():
    """Let all tasks run up to where they wait."""
    for _ in range(3):
        await asyncio.sleep(0)
