"""What waits for the bus is in the journal, else in memory, else counted as lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.record.delivery.backlog import Backlog
from services.gl.record.journal.entry import ACCEPTED, FINAL
from services.gl.record.journal.journal import Journal

MIB = 1024 * 1024


def name(number):
    return number.to_bytes(16, "big")


@pytest.fixture
def make(tmp_path):
    made = []

    def backlog(limit=MIB, most_held=MIB):
        made.append(Journal(tmp_path, limit))
        return Backlog(made[-1], most_held=most_held, most_short=0)

    yield backlog
    for journal in made:
        journal.close()


def test_in_the_journal(make):
    """That is the first choice, and it is final there."""
    backlog = make()
    assert backlog.add(name(1), b"x")
    assert (len(backlog), backlog.held, backlog.get(name(1)).recovered) == (1, 0, False)


def test_in_memory(make):
    """A journal without room: memory, up to its limit; then it is lost, unless the journal has an earlier version."""
    backlog = make(limit=1000, most_held=3000)
    backlog.write_to_journal(ACCEPTED, name(1), b"a" * 400)
    assert all(backlog.add(name(number), b"x" * 1000) for number in (2, 3, 4))
    assert (backlog.held, backlog.lost) == (3, 0)
    assert backlog.add(name(1), b"f" * 1000)
    assert (backlog.get(name(1)).data, backlog.get(name(1)).recovered) == (b"a" * 400, True)
    assert not backlog.add(name(5), b"x" * 1000)
    assert (len(backlog), backlog.lost) == (4, 1)
    assert backlog.is_nearly_full
    backlog.remove(name(2))
    assert backlog.add(name(6), b"x" * 1000)


def test_without_its_payloads(tmp_path):
    """A record that nothing has room for is kept without them, as long as there is room for that."""
    backlog = Backlog(Journal(tmp_path, 1), lambda data: data[:10], most_held=100, most_short=15)
    assert backlog.add(name(1), b"x" * 100)
    assert backlog.add(name(2), b"y" * 1000)
    assert (backlog.get(name(2)).data, backlog.shortened, backlog.lost) == (b"y" * 10, 1, 0)
    assert not backlog.add(name(3), b"z" * 1000)
    assert (backlog.shortened, backlog.lost) == (1, 1)
    backlog.journal.close()


def test_without_a_journal():
    """Memory is all that there is."""
    backlog = Backlog(None, most_held=100, most_short=0)
    assert not backlog.write_to_journal(ACCEPTED, name(1), b"x")
    assert backlog.add(name(1), b"x" * 60)
    assert not backlog.add(name(2), b"x" * 60)
    backlog.close()
    assert (len(backlog), backlog.lost) == (0, 2)


def test_settles(make):
    """What is in memory moves to the journal when that has room, and only there outlives the process."""
    backlog = make(limit=100)
    backlog.add(name(1), b"x" * 500)
    backlog.move_to_journal()
    assert backlog.held == 1
    backlog.journal.limit = MIB
    backlog.move_to_journal()
    assert (backlog.held, len(backlog), backlog.journal.get(name(1)).data) == (0, 1, b"x" * 500)
    backlog.close()
    assert backlog.lost == 0


def test_refused_one_goes_to_the_end(make):
    """It does not hold up others."""
    backlog = make()
    for number in range(3):
        backlog.add(name(number), b"x")
    backlog.move_to_end(name(0))
    assert backlog.next(9, MIB) == [name(1), name(2), name(0)]


@given(st.lists(st.integers(0, 200), min_size=1, max_size=20), st.integers(1, 30), st.integers(0, 500))
def test_batches(sizes, most, most_bytes):
    """A batch is never empty, in order, and no larger than asked unless it is a single record."""
    backlog = Backlog(None)
    for number, size in enumerate(sizes):
        backlog.add(name(number), bytes(size))
    batch = backlog.next(most, most_bytes)
    assert batch == [name(number) for number in range(len(batch))]
    assert 1 <= len(batch) <= most
    assert len(batch) == 1 or sum(sizes[: len(batch)]) <= most_bytes


actions = st.lists(st.tuples(st.sampled_from(["add", "remove", "settle", "room"]), st.integers(0, 5)), max_size=40)


@given(actions)
def test_model(tmp_path_factory, actions):
    """Whatever happens, what was added and not removed is there, as it was added, or counted as lost."""
    backlog = Backlog(Journal(tmp_path_factory.mktemp("journal"), 300), most_held=300, most_short=0)
    expected, added = {}, 0
    for action, number in actions:
        if action == "add" and name(number) not in expected:
            added += 1
            data = bytes([number]) * 100
            if backlog.add(name(number), data):
                expected[name(number)] = data
        elif action == "remove":
            backlog.remove(name(number))
            backlog.journal.acknowledge(name(number))
            expected.pop(name(number), None)
        elif action == "settle":
            backlog.move_to_journal()
        elif action == "room":
            backlog.journal.limit = 300 * (number + 1)
        assert len(backlog) == len(expected)
        assert {key: backlog.get(key).data for key in expected} == expected
        assert backlog._held_bytes == 100 * backlog.held <= 300
    backlog.journal.close()


def test_final_after_accepted(make):
    """The final version takes the place of the accepted one."""
    backlog = make()
    backlog.write_to_journal(ACCEPTED, name(1), b"a")
    backlog.add(name(1), b"f")
    assert backlog.get(name(1)).data == b"f"
    assert backlog.write_to_journal(FINAL, name(1), b"g")
