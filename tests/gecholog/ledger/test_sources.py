from hypothesis import given
from hypothesis import strategies as st

from gecholog.ledger.filters import Dimension
from gecholog.ledger.queries.conditions import field_of
from gecholog.ledger.queries.sums import rollup_for
from gecholog.ledger.rows import DAY_US, HOUR_US
from gecholog.ledger.sources import ROW, Effect, Window, windows_of
from gecholog.ledger.tables import CLIENTS, GROUPS, MODELS, OUTCOMES, ROUTERS

UNITS = (DAY_US, HOUR_US, ROW)
times = st.integers(0, 10 * DAY_US) | st.integers(0, 240).map(lambda hour: hour * HOUR_US)
some_cuts = st.lists(times, min_size=2, max_size=6).map(sorted)


def counted(windows, at):
    """How often a time counts in each step."""
    found = {}
    for window, effects in windows.items():
        if window.first <= at // window.unit < window.end:
            for effect in effects:
                found[effect.step] = found.get(effect.step, 0) + effect.sign
    return {step: count for step, count in found.items() if count}


@given(some_cuts, st.lists(times, min_size=1), st.sampled_from([UNITS, (ROW,)]), st.booleans())
def test_each_time_counts_once_in_its_step(cuts, moments, units, subtract):
    windows = windows_of(cuts, units, subtract=subtract)
    assert subtract or all(effect.sign == 1 for effects in windows.values() for effect in effects)
    for at in [*moments, *cuts, *(cut - 1 for cut in cuts if cut)]:
        step = [n for n in range(len(cuts) - 1) if cuts[n] <= at < cuts[n + 1]]
        assert counted(windows, at) == dict.fromkeys(step, 1)


@given(some_cuts)
def test_few_rows_and_hours_are_read(cuts):
    windows = windows_of(cuts, UNITS)
    rows = sum(window.end - window.first for window in windows if window.unit == ROW)
    hours = sum(window.end - window.first for window in windows if window.unit == HOUR_US)
    assert rows <= 2 * HOUR_US * len(cuts)
    assert hours <= 48 * len(cuts)


def test_a_local_day_is_a_day_and_the_hours_by_which_it_is_shifted():
    berlin = [day * DAY_US - 2 * HOUR_US for day in (3, 4, 5)]
    assert windows_of(berlin, UNITS) == {
        Window(DAY_US, 3, 4): [Effect(0, 1)],
        Window(HOUR_US, 70, 72): [Effect(0, 1)],
        Window(HOUR_US, 94, 96): [Effect(0, -1), Effect(1, 1)],
        Window(DAY_US, 4, 5): [Effect(1, 1)],
        Window(HOUR_US, 118, 120): [Effect(1, -1)],
    }


def test_where_rows_are_gone_whole_hours_count_at_their_start():
    cuts = [2 * HOUR_US + 5, 4 * HOUR_US + 7, 7 * HOUR_US + 7]
    found = windows_of(cuts, (HOUR_US, ROW), 5 * HOUR_US + 30)
    assert found[Window(HOUR_US, 2, 5)] == [Effect(0, 1)]
    assert found[Window(HOUR_US, 5, 7)] == [Effect(1, 1)]
    assert set(found) == {
        Window(HOUR_US, 2, 5),
        Window(HOUR_US, 5, 7),
        Window(ROW, 7 * HOUR_US, 7 * HOUR_US + 7),
    }


def test_the_smallest_rollup_that_knows_all_fields():
    assert rollup_for(frozenset()) is ROUTERS
    assert rollup_for(frozenset({"model", "status_class"})) is MODELS
    assert rollup_for(frozenset({"client", "owner"})) is CLIENTS
    assert rollup_for(frozenset({"router", "errors", field_of(Dimension.STATUS)})) is OUTCOMES
    for needed in ({"client", "model"}, {"tag"}, {"errors", "model"}, {"session"}):
        assert rollup_for(frozenset(needed)) is GROUPS
