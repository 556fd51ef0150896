from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gecholog.ledger.filters import TimeRange
from gecholog.ledger.rows import HOUR_US
from gecholog.ledger.sources import rollup_for, sources_for

times = st.integers(0, 100 * HOUR_US)


@given(times, times, st.lists(times, max_size=5))
def test_hours_and_rows_cover_a_range_once(one, other, boundaries):
    asked = TimeRange(min(one, other), max(one, other))
    found = sources_for(asked, frozenset({"router"}), boundaries)
    hours = [hour for hour in range(found.first_hour, found.end_hour) if hour not in found.excluded]
    parts = [(hour * HOUR_US, (hour + 1) * HOUR_US) for hour in hours] if found.table else []
    parts += [(part.start_us, part.end_us) for part in found.ranges]
    parts.sort()
    assert sum(end - start for start, end in parts) == asked.end_us - asked.start_us
    assert all(end <= start for (_, end), (start, _) in pairwise(parts))
    for at in boundaries:
        assert not any(hour * HOUR_US < at < (hour + 1) * HOUR_US for hour in hours if found.table)


def test_an_hour_of_which_some_rows_are_gone_counts_as_a_whole():
    asked = TimeRange(2 * HOUR_US, 6 * HOUR_US + 50)
    found = sources_for(asked, frozenset(), (6 * HOUR_US + 40,), 6 * HOUR_US + 30)
    assert (found.first_hour, found.end_hour, found.excluded, found.ranges) == (2, 7, (), ())


def test_where_rows_are_gone_whole_hours_count():
    asked = TimeRange(2 * HOUR_US + 5, 9 * HOUR_US + 5)
    found = sources_for(asked, frozenset(), (4 * HOUR_US + 7, 7 * HOUR_US + 7), 6 * HOUR_US)
    assert (found.first_hour, found.end_hour, found.excluded) == (2, 9, (7,))
    assert found.ranges == (TimeRange(9 * HOUR_US, 9 * HOUR_US + 5), TimeRange(7 * HOUR_US, 8 * HOUR_US))


def test_the_smallest_rollup_that_knows_all_fields():
    assert rollup_for(frozenset()) == "hourly_routers"
    assert rollup_for(frozenset({"model", "status_class"})) == "hourly_models"
    assert rollup_for(frozenset({"client", "owner"})) == "hourly_clients"
    assert not rollup_for(frozenset({"client", "model"}))
