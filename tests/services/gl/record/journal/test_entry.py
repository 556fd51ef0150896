"""Entries of the journal: what was written is read, what is torn or left from before ends a segment."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.record.journal.entry import (
    ACCEPTED,
    ACKNOWLEDGED,
    FINAL,
    Damage,
    acknowledgement,
    entries,
    frame,
    is_intact,
)

SEGMENT = 7
records = st.lists(
    st.tuples(
        st.sampled_from([ACCEPTED, FINAL, ACKNOWLEDGED]), st.binary(min_size=16, max_size=16), st.binary(max_size=80)
    ),
    max_size=6,
)


def written(items, number=SEGMENT):
    parts = []
    for kind, record_id, data in items:
        head, tail = frame(number, kind, record_id, data)
        parts += head, data, tail
    return b"".join(parts)


def read(segment, number=SEGMENT):
    return [
        (entry.kind, entry.record_id, segment[entry.offset : entry.offset + entry.size])
        for entry in entries(segment, number)
        if not isinstance(entry, Damage)
    ]


@given(records)
def test_round_trip(items):
    """Everything that was written is read, in order."""
    assert read(written(items)) == items


def test_released():
    """A mark is an entry without data."""
    assert read(acknowledgement(SEGMENT, b"r" * 16)) == [(ACKNOWLEDGED, b"r" * 16, b"")]


@given(records, st.data())
def test_torn(items, data):
    """A segment that was cut off anywhere gives its whole entries."""
    segment = written(items)
    cut = data.draw(st.integers(0, len(segment)))
    found = read(segment[:cut])
    assert found == items[: len(found)]
    end_of = [len(written(items[: number + 1])) for number in range(len(items))]
    assert len(found) == sum(end <= cut for end in end_of)


@given(records, records, st.data())
def test_torn_over_what_was_there(items, earlier, data):
    """Where a write over an earlier segment was cut off, reading ends: nothing of the earlier one is taken for real."""
    segment, before = written(items), written(earlier, SEGMENT - 1)
    cut = data.draw(st.integers(0, len(segment)))
    found = read(segment[:cut] + before[cut:])
    assert found == items[: len(found)]
    end_of = [len(written(items[: number + 1])) for number in range(len(items))]
    assert len(found) == sum(end <= cut for end in end_of)


@given(records.filter(len))
def test_of_another_segment(items):
    """Entries of another segment are none."""
    assert read(written(items, SEGMENT - 1)) == []


@given(records.filter(len), st.data())
def test_flipped(items, data):
    """A changed byte costs its own entry, whatever it was part of, and no other; what was skipped is told."""
    segment = bytearray(written(items))
    number = data.draw(st.integers(0, len(items) - 1))
    start, end = len(written(items[:number])), len(written(items[: number + 1]))
    segment[data.draw(st.integers(start, end - 1))] ^= data.draw(st.integers(1, 255))
    assert read(bytes(segment)) == items[:number] + items[number + 1 :]
    damages = [entry for entry in entries(bytes(segment), SEGMENT) if isinstance(entry, Damage)]
    is_last = number == len(items) - 1  # as one that was cut off
    assert damages == ([] if is_last else [Damage(start, end - start)])


@given(records.filter(len), records.filter(len), st.binary(max_size=100))
def test_rubbish_in_the_middle(before, after, rubbish):
    """Bytes that are nothing hide nothing, be they few or many."""
    assert read(written(before) + rubbish + written(after)) == before + after


def test_mark_within_rubbish():
    """What looks like a beginning, and is none, is passed over quickly, and what follows it is found."""
    items = [(FINAL, b"n" * 16, b"{}")]
    false_starts = (b"GJf" + b"x" * 16 + (30).to_bytes(4)) * 10_000
    assert read(false_starts + written(items)) == items


def test_is_intact():
    """Data are held against the tail that was written behind them."""
    _, tail = frame(SEGMENT, FINAL, b"n" * 16, b"{}")
    assert is_intact(SEGMENT, FINAL, b"n" * 16, b"{}", tail)
    assert not is_intact(SEGMENT, FINAL, b"n" * 16, b"[]", tail)
    assert not is_intact(SEGMENT, FINAL, b"n" * 16, b"{}", tail[:3])


@given(st.binary(max_size=200))
def test_rubbish(data):
    """Anything may stand in a file."""
    assert isinstance(read(data), list)
