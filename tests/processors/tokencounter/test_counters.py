"""Counters: sums, caps, periods, what a new config keeps, and the counts of other replicas."""

import random

from hypothesis import given
from hypothesis import strategies as st

from gecholog.quota.meter import ReplicaUsage
from gecholog.quota.window import Window
from processors.tokencounter.counters import Counters

CAPS = {"/a/": {"prompt": 50, "total": 100}, "/b/": {"total": 100}, "/free/": {"total": 0}}
HOUR = 3_600_000

EVENTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), max_size=20)


def counters(caps=None, **window):
    return Counters(caps or CAPS, Window(**{"period": 10, "began": 1000} | window))


def replica_usage(*uses, until=0):
    return ReplicaUsage(tuple((when, {"total": count}) for when, count in uses), until)


class TestCaps:
    """When a router is exhausted."""

    def test_reached(self):
        """A router is exhausted when a count reaches its cap, not before. Other routers are not."""
        counting = counters()
        counting.add("/a/", {"total": 99}, 1001)
        assert not counting.exhausted("/a/", 1001)
        counting.add("/a/", {"total": 1}, 1002)
        assert counting.exhausted("/a/", 1002)
        assert not counting.exhausted("/b/", 1002)

    def test_any_field_counts(self):
        """One exhausted field is enough."""
        counting = counters()
        counting.add("/a/", {"prompt": 50, "total": 1}, 1001)
        assert counting.exhausted("/a/", 1001)

    def test_no_cap(self):
        """A cap of 0 is no cap. Fields and routers without a cap are not limited."""
        counting = counters()
        counting.add("/free/", {"total": 10**9}, 1001)
        counting.add("/b/", {"prompt": 10**9}, 1001)
        counting.add("/unknown/", {"total": 10**9}, 1001)
        assert not any(counting.exhausted(router, 1001) for router in ("/free/", "/b/", "/unknown/"))


class TestPeriods:
    """Which usage counts."""

    @given(EVENTS)
    def test_fixed(self, events):
        """At any time the count is the sum of the present period."""
        counting, history, now = counters(), [], 1000
        for amount, pause in events:
            now += pause
            counting.add("/b/", {"total": amount}, now)
            history.append((now, amount))
            began = now - (now - 1000) % 10
            used = sum(added for when, added in history if when >= began)
            assert counting.exhausted("/b/", now) == (used >= 100)

    @given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 900)), max_size=30))
    def test_sliding(self, events):
        """Usage counts for at least the length of the window, and for at most a sixtieth more."""
        counting, history, now = counters(period=600, sliding=True), [], 1000
        for amount, pause in events:
            now += pause
            counting.add("/b/", {"total": amount}, now)
            history.append((now, amount))
            least = sum(added for when, added in history if now < when + 600)
            most = sum(added for when, added in history if now < when + 610)
            if counting.exhausted("/b/", now):
                assert most >= 100
            else:
                assert least < 100

    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.integers(0, 9)), max_size=20), st.booleans())
    def test_when_calls_pass_again(self, events, sliding):
        """The returned time is the first at which the router is not exhausted, if nothing more is used."""
        counting, other, now = counters(sliding=sliding), counters(sliding=sliding), 1000
        for elsewhere, amount, pause in events:
            now += pause
            (other if elsewhere else counting).add("/a/", {"total": amount, "prompt": amount // 2}, now)
        counting.merge("/a/", "other", other.own("/a/", now))
        if counting.exhausted("/a/", now):
            free = counting.free_at("/a/", now)
            assert all(counting.exhausted("/a/", moment) for moment in range(now, free))
            assert not counting.exhausted("/a/", free)

    def test_the_clock_is_set_back(self):
        """Usage with a time in the future does not count against a router now, and then not forever."""
        counting = counters()
        counting.add("/b/", {"total": 100}, 1000 + HOUR)
        assert not counting.exhausted("/b/", 1001)
        counting.add("/b/", {"total": 99}, 1001)
        assert not counting.exhausted("/b/", 1001)
        assert counting.own("/b/", 1002).uses[-1] == (1001, {"total": 99})
        assert not counting.exhausted("/b/", 1000 + 3 * HOUR)


class TestANewConfig:
    """What is kept, and what starts."""

    def test_caps(self):
        """A field that stays capped keeps its count, under the new cap. A new one starts at zero."""
        counting = counters()
        counting.add("/a/", {"prompt": 20, "total": 60}, 1001)
        counting.add("/free/", {"total": 70}, 1001)
        caps = {"/a/": {"total": 60}, "/free/": {"total": 71}, "/c/": {"total": 1}}
        counting.apply(caps, counting.window, 1002)
        assert counting.exhausted("/a/", 1002)
        assert not counting.exhausted("/free/", 1002)
        assert not counting.exhausted("/c/", 1002)
        counting.add("/free/", {"total": 1}, 1002)
        assert counting.exhausted("/free/", 1002)
        assert counting.changed == {"/a/", "/free/"}

    def test_a_longer_period(self):
        """A new length counts from the beginning of the present period."""
        counting = counters()
        counting.add("/b/", {"total": 100}, 1001)
        counting.apply(CAPS, counting.window.changed(20, 1005, sliding=False), 1005)
        assert counting.exhausted("/b/", 1019)
        assert not counting.exhausted("/b/", 1020)

    def test_a_shorter_period(self):
        """Usage from before the present period does not count."""
        counting = counters()
        counting.add("/b/", {"total": 100}, 1001)
        counting.apply(CAPS, counting.window.changed(3, 1005, sliding=False), 1005)
        assert not counting.exhausted("/b/", 1005)

    def test_what_is_gone_stays_gone(self):
        """With a longer period no expired usage returns, here or on other replicas."""
        counting = counters()
        counting.add("/b/", {"total": 60}, 1001)
        counting.merge("/b/", "other", replica_usage((1002, 60)))
        counting.apply(CAPS, Window(HOUR, 1000), 1011)
        assert not counting.exhausted("/b/", 1011)

    def test_other_beginnings(self):
        """When replicas agree on the beginning of periods, existing usage continues to count in the present one."""
        counting = counters()
        counting.add("/b/", {"total": 60}, 1001)
        counting.align(995)
        counting.add("/b/", {"total": 40}, 1002)
        assert counting.exhausted("/b/", 1004)
        assert not counting.exhausted("/b/", 1005)


class TestReplicas:
    """Usage of other replicas."""

    def test_the_sum_counts(self):
        """Usage of all replicas is added. A newer count of a replica replaces the earlier one."""
        counting = counters()
        counting.add("/b/", {"total": 40}, 1001)
        counting.merge("/b/", "second", replica_usage((1001, 20)))
        counting.merge("/b/", "third", replica_usage((1001, 30)))
        assert not counting.exhausted("/b/", 1001)
        counting.merge("/b/", "second", replica_usage((1001, 30)))
        assert counting.exhausted("/b/", 1001)
        assert not counting.exhausted("/b/", 1010)

    def test_of_other_periods(self):
        """Usage of a replica from an earlier period or, if its clock is fast, from the next, does not count."""
        counting = counters()
        counting.merge("/b/", "second", replica_usage((999, 100), (1010, 100)))
        assert not counting.exhausted("/b/", 1009)
        assert counting.exhausted("/b/", 1010)

    def test_a_clock_ahead_in_a_sliding_window(self):
        """In a sliding window it counts at once."""
        counting = counters(sliding=True)
        counting.merge("/b/", "second", replica_usage((1003, 100)))
        assert counting.exhausted("/b/", 1001)
        assert not counting.exhausted("/b/", 1013)

    @given(
        events=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.integers(0, 6)), max_size=20),
        sliding=st.booleans(),
        randomness=st.randoms(),
    )
    def test_all_agree(self, events, sliding, randomness):
        """Whatever replica counts what, and whatever the order of updates, all know the sum in the end."""
        replicas = {name: counters(sliding=sliding) for name in "abc"}
        alone, now = counters(sliding=sliding, period=10), 1000
        for name, amount, pause in events:
            now += pause
            replicas[name].add("/b/", {"total": amount}, now)
            alone.add("/b/", {"total": amount}, now)
            self.tell(replicas, now, randomness, 2)
        self.tell(replicas, now, randomness, None)
        for moment in range(now, now + 12):
            verdicts = {counting.exhausted("/b/", moment) for counting in (*replicas.values(), alone)}
            assert len(verdicts) == 1

    @staticmethod
    def tell(replicas, now, randomness: random.Random, most):
        pairs = [(teller, hearer) for teller in replicas for hearer in replicas if teller != hearer]
        randomness.shuffle(pairs)
        for teller, hearer in pairs[:most]:
            replicas[hearer].merge("/b/", teller, replicas[teller].own("/b/", now))

    def test_what_is_told(self):
        """Only routers with a cap are shared, with all that counts and until when it does.

        What counts no more is kept for a while, because the clock may be set back.
        """
        counting = counters()
        counting.add("/b/", {"total": 5}, 1001)
        counting.add("/b/", {"total": 6, "other": 7}, 1003)
        counting.add("/free/", {"total": 5}, 1001)
        counting.add("/a/", {"total": 0}, 1001)
        assert counting.changed == {"/b/"}
        assert counting.own("/b/", 1003) == ReplicaUsage(((1003, {"total": 11}),), 1010)
        assert counting.own("/b/", 1010) == ReplicaUsage(((1003, {"total": 11}),), 1010)

    def test_urgent(self):
        """A cap that is nearly reached or just reached is urgent. One that was reached before is not."""
        counting = counters()
        counting.add("/b/", {"total": 89}, 1001)
        assert not counting.urgent
        counting.add("/b/", {"total": 11}, 1001)
        assert counting.urgent
        counting.urgent = False
        counting.add("/b/", {"total": 1}, 1001)
        assert not counting.urgent

    def test_told_again(self):
        """After an outage of the bus, everything that others may need is sent again."""
        counting = counters()
        counting.add("/b/", {"total": 5}, 1001)
        counting.add("/free/", {"total": 5}, 1001)
        counting.changed.clear()
        counting.mark_all_changed()
        assert counting.changed == {"/b/"}

    def test_forgotten(self):
        """The usage of a replica is forgotten when no config counts it any more."""
        counting = counters()
        counting.merge("/b/", "second", replica_usage((1001, 5), until=1010))
        counting.merge("/gone/", "third", replica_usage((1001, 5), until=1010 + HOUR))
        assert counting.expire(1010) == []
        assert counting.expire(61_010) == [("/b/", "second")]
        assert counting.expire(61_010) == []
        assert counting.expire(61_010 + HOUR) == [("/gone/", "third")]
