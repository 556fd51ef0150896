"""Ways to send: nothing is sent twice, nothing is forgotten."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.nats2log.entry import Entry
from services.nats2log.sinks.sending import chunks, in_chunks, one_by_one
from services.nats2log.sinks.sink import Fault, Kind

OUTAGE, REFUSAL = Fault(Kind.OUTAGE, "away"), Fault(Kind.REFUSAL, "bad")


def entries(sizes):
    return [Entry(b"x" * size, str(number)) for number, size in enumerate(sizes)]


@given(st.lists(st.integers(0, 50)), st.integers(1, 100))
def test_chunks(sizes, most):
    """All entries in their order; no part over the limit but for a single large entry."""
    parts = chunks(entries(sizes), most)
    assert [entry.id for part in parts for entry in part] == [str(number) for number in range(len(sizes))]
    assert all(len(part) == 1 or sum(len(entry.data) for entry in part) <= most for part in parts)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 30))
def test_bad_records_are_found(bad, most):
    """Exactly the bad ones fail, and each good one is taken once."""
    batch = entries([5] * len(bad))
    taken = []

    async def send(part):
        if any(bad[int(entry.id)] for entry in part):
            return REFUSAL
        taken.extend(entry.id for entry in part)
        return None

    failures = asyncio.run(in_chunks(batch, most, send))
    assert sorted(failure.entry.id for failure in failures) == sorted(str(n) for n, is_bad in enumerate(bad) if is_bad)
    assert sorted(taken) == sorted(str(n) for n, is_bad in enumerate(bad) if not is_bad)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 10), st.booleans())
def test_after_an_outage_nothing_is_tried(count, good, most, together):
    """What was taken and what failed are all there is, and after the first outage no call is made."""
    batch = entries([1] * count)
    taken, calls = [], []

    async def send_part(part):
        assert not calls or calls[-1] != "down"
        if len(taken) + len(part) > good:
            calls.append("down")
            return OUTAGE
        taken.extend(entry.id for entry in part)
        return None

    async def send_one(entry):
        return await send_part([entry])

    run = in_chunks(batch, most, send_part) if together else one_by_one(batch, 1, send_one)
    failures = asyncio.run(run)
    assert taken + [failure.entry.id for failure in failures] == [entry.id for entry in batch]
