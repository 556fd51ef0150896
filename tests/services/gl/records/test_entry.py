"""Entries of the journal: what was written is read, what is torn or left from before ends a segment."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.records.entry import ACCEPTED, FINAL, RELEASED, ends, entries, released

SEGMENT = 7
records = st.lists(
    st.tuples(
        st.sampled_from([ACCEPTED, FINAL, RELEASED]), st.binary(min_size=16, max_size=16), st.binary(max_size=80)
    ),
    max_size=6,
)


def written(items, number=SEGMENT):
    parts = []
    for kind, record_id, data in items:
        head, tail = ends(number, kind, record_id, data)
        parts += head, data, tail
    return b"".join(parts)


def read(segment, number=SEGMENT):
    return [
        (entry.kind, entry.record_id, segment[entry.offset : entry.offset + entry.size])
        for entry in entries(segment, number)
    ]


@given(records)
def test_round_trip(items):
    """Everything that was written is read, in order."""
    assert read(written(items)) == items


def test_released():
    """A mark is an entry without data."""
    assert read(released(SEGMENT, b"r" * 16)) == [(RELEASED, b"r" * 16, b"")]


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
    """A changed byte is noticed: reading ends before its entry."""
    segment = bytearray(written(items))
    number = data.draw(st.integers(0, len(items) - 1))
    start, end = len(written(items[:number])), len(written(items[: number + 1]))
    segment[data.draw(st.integers(start, end - 1))] ^= data.draw(st.integers(1, 255))
    assert read(bytes(segment)) == items[:number]


@given(st.binary(max_size=200))
def test_rubbish(data):
    """Anything may stand in a file."""
    assert isinstance(read(data), list)
