"""When a bus whose stream takes no records is restarted: after a while, with room on the disk, ever more rarely."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from services.ginit.decision.bus_restart import STALLED_FOR_S, BusRestartPolicy

DAY = 24 * 3600


def restarts(seconds, is_stalled, has_space=lambda _: True):
    """When the bus is restarted, looked at every second."""
    policy, found = BusRestartPolicy(), []
    for now in range(seconds):
        policy, restart_now = policy.observe(float(now), is_stalled=is_stalled(now), has_space=has_space(now))
        if restart_now:
            found.append(now)
    return found


def test_a_moment_is_nothing():
    """A stream that is back within seconds is left alone, however often."""
    assert restarts(600, lambda now: now % 10 < STALLED_FOR_S) == []


def test_once_if_it_helps():
    """One restart, a few seconds after the stream was first seen stalled."""
    assert restarts(600, lambda now: 100 <= now < 105) == [103]


def test_not_on_a_full_disk():
    """It would fail again at once: the restart waits for room."""
    assert restarts(100, lambda now: now > 10, lambda now: now >= 50)[0] == 53


def test_ever_more_rarely():
    """What restarts do not mend is not made worse by them."""
    found = restarts(DAY, lambda _: True)
    pauses = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert pauses[:4] == [30, 60, 120, 240]
    assert max(pauses) == pauses[-1] == 600


def test_forgotten():
    """Trouble of yesterday does not hold up the policy of today."""
    found = restarts(DAY, lambda now: now < 1000 or now > DAY - 100)
    later = [now for now in found if now > 1000]
    assert later == [DAY - 99 + 3, DAY - 99 + 33, DAY - 99 + 93]


@given(st.lists(st.booleans(), max_size=400))
def test_never_without_need(stalled):
    """A restart comes only in a stretch of trouble, and never sooner than half a minute after another."""
    found = restarts(len(stalled), stalled.__getitem__)
    assert all(all(stalled[now - 3 : now + 1]) for now in found)
    assert all(later - earlier >= 30 for earlier, later in itertools.pairwise(found))
