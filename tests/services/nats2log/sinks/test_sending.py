"""The ways of sending: nothing is sent twice, and nothing is omitted."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.nats2log.entry import RecordEntry
from services.nats2log.sinks.sending import chunks, send_batches, send_each
from services.nats2log.sinks.sink import Fault, FaultKind

OUTAGE, REJECTED, BUSY = (
    Fault(FaultKind.OUTAGE, "away"),
    Fault(FaultKind.REJECTED, "bad"),
    Fault(FaultKind.BUSY, "busy"),
)


def entries(sizes):
    return [RecordEntry(b"x" * size, str(number)) for number, size in enumerate(sizes)]


@given(st.lists(st.integers(0, 50)), st.integers(1, 100))
def test_chunks(sizes, most):
    """All entries are sent in their order. No part exceeds the limit, except for a single large entry."""
    parts = chunks(entries(sizes), most)
    assert [entry.id for part in parts for entry in part] == [str(number) for number in range(len(sizes))]
    assert all(len(part) == 1 or sum(len(entry.data) for entry in part) <= most for part in parts)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 30))
def test_bad_records_are_found(bad, most):
    """Exactly the bad entries fail, and each good one is written once."""
    batch = entries([5] * len(bad))
    taken = []

    async def send(part):
        if any(bad[int(entry.id)] for entry in part):
            return REJECTED
        taken.extend(entry.id for entry in part)
        return None

    failures = asyncio.run(send_batches(batch, most, send))
    assert sorted(failure.entry.id for failure in failures) == sorted(str(n) for n, is_bad in enumerate(bad) if is_bad)
    assert sorted(taken) == sorted(str(n) for n, is_bad in enumerate(bad) if not is_bad)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 10), st.booleans())
def test_after_an_outage_nothing_is_tried(count, good, most, together):
    """Each entry is either written or failed, and no call is made after the first outage."""
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

    run = send_batches(batch, most, send_part) if together else send_each(batch, 1, send_one)
    failures = asyncio.run(run)
    assert taken + [failure.entry.id for failure in failures] == [entry.id for entry in batch]


@given(st.lists(st.sampled_from([None, BUSY, REJECTED]), max_size=40), st.integers(2, 9))
def test_what_is_turned_away_is_one_record(faults, concurrency):
    """Each entry has its own result. After three calls in a row that were throttled, the rest waits with them."""
    batch = entries([1] * len(faults))
    tried = []

    async def send(entry):
        tried.append(entry.id)
        return faults[int(entry.id)]

    failures = {failure.entry.id: failure.fault for failure in asyncio.run(send_each(batch, concurrency, send))}
    for number, fault in enumerate(faults):
        expected = fault if str(number) in tried else BUSY
        assert failures.get(str(number)) == expected
    parts = [faults[start : start + concurrency] for start in range(0, len(faults), concurrency)]
    in_a_row = [all(fault is BUSY for fault in part) for part in parts]
    stop = next((end for end in range(3, len(parts) + 1) if all(in_a_row[end - 3 : end])), len(parts))
    assert len(tried) == sum(map(len, parts[:stop]))


def test_entries_that_keep_their_order():
    """One call at a time: a throttled call delays the rest, as an outage does."""
    batch = entries([1] * 3)
    tried = []

    async def send(entry):
        tried.append(entry.id)
        return BUSY if entry.id == "1" else None

    failures = asyncio.run(send_each(batch, 1, send))
    assert tried == ["0", "1"]
    assert [(failure.entry.id, failure.fault.kind) for failure in failures] == [
        ("1", FaultKind.OUTAGE),
        ("2", FaultKind.OUTAGE),
    ]
