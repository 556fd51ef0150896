"""The byte budget of request bodies: its rules one by one, and as a machine that is driven at random."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.gl.server.body_budget import MIB, PROGRESS, SMALL, STALL_S, STEP, BodyBudget, BytePool

LEAST = 64 * 1024  # bytes that are read at a time


# ----------------------------------------------------------------------- one pool


def test_bodies_are_granted_room_in_the_order_of_asking():
    """What does not fit waits; when room is given back, the one that asked first has it."""
    pool = BytePool(100, 100)
    assert pool.ask("a", 60, 60, 0) == ["a"]
    assert pool.complete("a", 60, 0) == []
    assert [pool.ask(key, 30, 0, 0) for key in "cde"] == [["c"], [], []]
    pool.received("c", 30, 0)
    assert pool.complete("c", 30, 0) == []
    assert pool.release("c", 0) == ["d"]
    assert pool.waiting == 1
    assert pool.release("a", 0) == ["e"]


def test_what_a_body_did_not_need_is_given_back():
    """A chunked body that ends within its grant holds what came, no more."""
    pool = BytePool(100, 100)
    pool.ask("a", 80, 0, 0)
    pool.complete("a", 10, 0)
    assert pool.granted == 10
    assert pool.ask("b", 90, 0, 0) == ["b"]


def test_the_window_bounds_what_arrives():
    """Beside the oldest, bodies that still arrive have the window; a smaller one overtakes one that does not fit."""
    pool = BytePool(1000, 100)
    assert pool.ask("oldest", 500, 0, 0) == ["oldest"]
    assert pool.ask("a", 90, 0, 0) == ["a"]
    assert pool.ask("b", 90, 0, 0) == []
    assert pool.ask("c", 10, 0, 0) == ["c"]
    assert pool.ask("d", 1, 0, 0) == []
    assert pool.arriving_granted == 600


def test_who_overtakes_leaves_room_in_the_total():
    """A body that waits for the window alone is not made to wait for the total by those that overtake it."""
    pool = BytePool(100, 40)
    pool.ask("oldest", 20, 0, 0)
    pool.ask("a", 20, 0, 0)
    assert pool.ask("b", 30, 0, 0) == []  # no room in the window
    assert pool.ask("c", 20, 0, 0) == ["c"]
    pool.release("c", 0)
    pool.complete("oldest", 20, 0)  # "a" is the oldest now, and out of the window
    assert pool.available("b") == 30


def test_the_oldest_goes_on_beyond_the_window():
    """Chunked bodies that fill the window wait for each other, but never the oldest of them."""
    pool = BytePool(1000, 100)
    for key in "abc":
        pool.ask(key, 50, 0, 0)
    assert [pool.available(key) for key in "abc"] == [50, 50, 50]
    for key in "cba":
        pool.received(key, 50, 0)
        granted = pool.ask_more(key, 100, 0)
        assert granted == (["a"] if key == "a" else [])
    assert pool.complete("a", 100, 0) == ["b", "c"]


def test_a_body_larger_than_the_total_is_alone():
    """It has its turn when nothing else is held: the limit for one body is another one than that for all."""
    pool = BytePool(100, 10)
    pool.ask("a", 50, 50, 0)
    pool.complete("a", 50, 0)
    assert pool.ask("huge", 500, 0, 0) == []
    assert pool.ask("b", 10, 0, 0) == []  # first come, first served
    assert pool.release("a", 0) == ["huge"]


def test_a_stalled_body_is_named_while_others_wait():
    """No progress is no fault as long as nobody waits; some bytes from time to time are no progress."""
    pool = BytePool(10 * MIB, 0)
    pool.ask("a", MIB, 0, 0)
    assert pool.stalled(100) == []
    assert pool.ask("b", MIB, 0, 100) == []
    assert pool.stalled(100) == ["a"]
    pool.received("a", PROGRESS, 100)
    assert pool.stalled(100 + STALL_S) == []
    pool.received("a", 2 * PROGRESS - 1, 100 + STALL_S)
    assert pool.stalled(101 + STALL_S) == ["a"]
    assert pool.release("a", 101 + STALL_S) == ["b"]
    assert pool.stalled(500) == []


def test_who_waits_is_not_stalled():
    """A body is not blamed for the time in which it was not read."""
    pool = BytePool(10 * MIB, 0)
    pool.ask("a", MIB, 0, 0)
    pool.ask("b", MIB, 0, 0)
    pool.ask("c", MIB, 0, 0)
    pool.release("a", 50)
    assert pool.stalled(50 + STALL_S) == []
    assert pool.stalled(51 + STALL_S) == ["b"]


def test_complete_bodies_are_not_stalled():
    """A call may take as long as it likes."""
    pool = BytePool(MIB, MIB)
    pool.ask("a", MIB, MIB, 0)
    pool.complete("a", MIB, 0)
    pool.ask("b", MIB, 0, 0)
    assert pool.stalled(1000) == []


# --------------------------------------------------------------------- the budget


def test_small_bodies_do_not_wait_behind_large_ones():
    """Large bodies that fill their pool, and wait for it, leave that of the small ones alone."""
    budget = BodyBudget(64 * MIB)
    for number in range(100):
        budget.ask(number, 40 * MIB, 0, 0)
    assert budget.pools[1].waiting == 99
    assert budget.ask("small", SMALL, 0, 0) == ["small"]
    assert budget.ask("chunked", None, 0, 0) == ["chunked"]
    assert budget.reserve(1000)


def test_small_bodies_that_are_complete():
    """They need one number, not a place in a queue; when there is no room they queue up like others."""
    budget = BodyBudget(8 * MIB)
    assert budget.reserve(MIB)
    assert not budget.reserve(1)
    assert budget.ask("a", SMALL, SMALL, 0) == []
    assert not budget.reserve(1)  # no overtaking
    assert budget.unreserve(MIB, 0) == ["a"]


def test_chunked_body_outgrows_the_small_pool():
    """It begins among the small ones, and is granted steps among the large ones from then on."""
    budget = BodyBudget(1024 * MIB)
    small, large = budget.pools
    assert budget.ask("a", None, 1000, 0) == ["a"]
    assert (small.granted, large.granted) == (SMALL, 0)
    assert budget.received("a", SMALL - LEAST, 0, LEAST) == []
    assert budget.received("a", SMALL - LEAST + 1, 0, LEAST) == ["a"]
    assert small.granted == 0
    assert budget.available("a") == STEP
    budget.received("a", 20 * MIB, 0, LEAST)
    budget.complete("a", 20 * MIB, 0)
    assert large.granted == 20 * MIB


def test_chunked_body_keeps_its_room_until_it_has_moved():
    """While it waits for the large pool it counts in the small one, and is not called stalled there."""
    budget = BodyBudget(64 * MIB)
    small, _ = budget.pools
    budget.ask("large", 18 * MIB, 0, 0)
    budget.ask("window", 2 * MIB, 0, 0)
    budget.ask("a", None, 0, 0)
    assert budget.received("a", SMALL, 0, LEAST) == []
    assert (small.granted, budget.available("a")) == (SMALL, 0)
    assert budget.stalled(100) == ["large", "window"]
    assert budget.release("window", 100) == ["a"]
    assert (small.granted, budget.available("a")) == (0, STEP)


def test_chunked_bodies_have_at_most_half_of_the_small_pool():
    """Those that wait for the large pool cannot fill the small one."""
    budget = BodyBudget(16 * MIB)
    budget.ask("large", 20 * MIB, 0, 0)
    for number in range(100):
        budget.ask(number, None, 0, 0)
        if budget.available(number):
            budget.received(number, SMALL, 0, LEAST)
    assert budget.pools[0].granted <= MIB
    assert budget.reserve(SMALL)


# --------------------------------------------------------------------- the machine

TOTAL = 64 * MIB
LARGEST = 8 * MIB
SIZES = st.sampled_from([1, 1000, SMALL, SMALL + 1, MIB, 2 * MIB, 3 * MIB, LARGEST - 1, LARGEST])


class Uploads(RuleBasedStateMachine):
    """Clients that upload, stall, leave and pipeline, against one budget; calls end when they like."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.number = 0
        self.size = {}  # of bodies that arrive: what they will come to
        self.announced = {}
        self.held = {}
        self.reading = set()
        self.complete = set()
        self.taken = []

    @initialize(total=st.sampled_from([TOTAL, 16 * MIB, 2 * MIB]))
    def start(self, total):
        self.total = total
        self.budget = BodyBudget(total)

    def granted(self, keys):
        assert len(set(keys)) == len(keys)
        for key in keys:
            assert key in self.size
            self.reading.add(key)

    @rule(size=SIZES, chunked=st.booleans(), early=st.integers(0, LEAST))
    def ask(self, size, chunked, early):
        self.number += 1
        key = self.number
        self.size[key], self.announced[key] = size, not chunked
        self.held[key] = min(size, early)
        self.granted(self.budget.ask(key, None if chunked else size, self.held[key], self.now))

    @rule(size=st.integers(1, LEAST))
    def reserve(self, size):
        if self.budget.reserve(size):
            self.taken.append(size)

    @precondition(lambda self: self.taken)
    @rule()
    def unreserve(self):
        self.granted(self.budget.unreserve(self.taken.pop(), self.now))

    def read(self, key, size):
        """A piece of a body comes, as far as it may."""
        size = min(size, self.size[key] - self.held[key], self.budget.available(key))
        if not size and self.held[key] < self.size[key]:
            return
        self.held[key] += size
        granted = self.budget.received(key, self.held[key], self.now, LEAST)
        if not self.budget.available(key):
            self.reading.discard(key)
        self.granted(granted)
        if self.held[key] == self.size[key]:
            self.finish(key)

    def finish(self, key):
        del self.size[key]
        self.reading.discard(key)
        self.complete.add(key)
        self.granted(self.budget.complete(key, self.held[key], self.now))

    @precondition(lambda self: self.reading)
    @rule(data=st.data(), size=st.sampled_from([1, 1000, LEAST]), times=st.sampled_from([1, 10, 1000]))
    def receive(self, data, size, times):
        key = data.draw(st.sampled_from(sorted(self.reading)))
        for _ in range(times):
            if key in self.reading:
                self.read(key, size)

    @precondition(lambda self: self.size)
    @rule(data=st.data())
    def disconnect(self, data):
        key = data.draw(st.sampled_from(sorted(self.size)))
        self.leave(key)

    def leave(self, key):
        del self.size[key]
        self.reading.discard(key)
        self.granted(self.budget.release(key, self.now))

    @precondition(lambda self: self.complete)
    @rule(data=st.data())
    def end_call(self, data):
        key = data.draw(st.sampled_from(sorted(self.complete)))
        self.complete.discard(key)
        self.granted(self.budget.release(key, self.now))

    @rule(seconds=st.sampled_from([0.1, 1.0, STALL_S + 0.1, 60.0]))
    def wait(self, seconds):
        self.now += seconds
        stalled = self.budget.stalled(self.now)
        assert self.reading.issuperset(stalled), "a client that waits is not to blame"
        for key in stalled:
            self.leave(key)

    @invariant()
    def within_bounds(self):
        if not self.number and not self.taken:
            return
        small, large = self.budget.pools
        for pool, largest in ((small, SMALL), (large, LARGEST + STEP)):
            assert pool.granted <= max(pool.total, largest) + pool.window
            assert pool.arriving_granted <= pool.window + largest
        assert sum(pool.total + pool.window for pool in (small, large)) <= self.total

    @invariant()
    def what_may_be_read_has_room(self):
        for key, size in self.size.items():
            has_room = self.budget.available(key) > 0
            assert has_room or self.held[key] == size if key in self.reading else not has_room

    def teardown(self):
        """However it stands: if calls end and clients continue or are sent away, every body comes to its end."""
        if not hasattr(self, "budget"):
            return
        stuck = set(sorted(self.size)[::2])  # these never send another byte
        rounds = len(self.size) + 1
        while set(self.size) - stuck:
            assert rounds, "bodies wait for ever"
            rounds -= 1
            self.pass_time(stuck)
        for key in sorted(self.size):
            self.leave(key)
        self.end_calls()
        assert [(pool.granted, pool.waiting) for pool in self.budget.pools] == [(0, 0), (0, 0)]

    def end_calls(self):
        while self.taken:
            self.unreserve()
        for key in sorted(self.complete):
            self.complete.discard(key)
            self.granted(self.budget.release(key, self.now))

    def pass_time(self, stuck):
        """Calls end, clients send what they may, and those that are stuck are sent away if others wait."""
        self.end_calls()
        for key in sorted(self.reading - stuck):
            while key in self.reading:
                self.read(key, LEAST)
        self.now += STALL_S + 1
        for key in self.budget.stalled(self.now):
            self.leave(key)


Uploads.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestUploads = Uploads.TestCase


@pytest.mark.parametrize("total", [1, 1000, MIB])
def test_a_budget_smaller_than_a_body(total):
    """Bodies go one after another then, and still all of them go."""
    budget = BodyBudget(total)
    first = [budget.ask(key, LARGEST, 0, 0) for key in "abc"]
    assert first == [["a"], [], []]
    budget.received("a", LARGEST, 0, LEAST)
    assert budget.complete("a", LARGEST, 0) == []
    assert budget.release("a", 0) == ["b"]
    assert budget.release("b", 0) == ["c"]
