"""Log lines of what repeats."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gecholog.log_throttle import LogThrottle


class Clock:
    """A clock that the test moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_one_line_an_interval():
    """The first is logged at once; later lines say how many occurrences they stand for."""
    clock = Clock()
    throttle = LogThrottle(60, clock)
    admitted = []
    for moment in (0, 1, 59.9, 60, 61, 300):
        clock.now = moment
        admitted.append(throttle.admit("away"))
    assert admitted == [1, 0, 0, 3, 0, 2]


def test_keys_do_not_silence_each_other():
    throttle = LogThrottle(60, Clock())
    assert [throttle.admit(key) for key in ("a", "b", ("b", 1), "a")] == [1, 1, 1, 0]


def test_keys_from_outside_do_not_fill_the_memory():
    """The key that was logged first is forgotten, and logged again; the later ones stay throttled."""
    throttle = LogThrottle(60, Clock())
    assert all(throttle.admit(key) == 1 for key in range(1001))
    assert throttle.admit(1000) == 0
    assert throttle.admit(1) == 0
    assert throttle.admit(0) == 1


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from("abc"))))
def test_no_occurrence_is_forgotten(steps):
    """Each occurrence is in exactly one line, or waits for the next; two lines of a key are an interval apart."""
    clock = Clock()
    throttle = LogThrottle(10, clock)
    lines = {key: [] for key in "abc"}
    for pause, key in steps:
        clock.now += pause
        if occurrences := throttle.admit(key):
            lines[key].append((clock.now, occurrences))
    for key, logged in lines.items():
        assert all(later[0] - earlier[0] >= 10 for earlier, later in itertools.pairwise(logged))
        clock.now += 11
        seen = sum(occurrences for _, occurrences in logged) + throttle.admit(key) - 1
        assert seen == sum(1 for _, one in steps if one == key)
