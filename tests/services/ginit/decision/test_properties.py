"""ginit's decisions over random sequences of events.

Whatever happens in whatever order: no service has two processes, nothing is healthy without a checksum file, a die
promise is kept, and more (`World`, `Player`). `make mutants` shows that the sequences find mistakes.
"""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.ginit.decision.scenario import MOVES, START, Move, Scenario

SCENARIOS = 600
LENGTH = 40


_PART = 100  # scenarios of a test


def sequences(first=0, last=SCENARIOS):
    """Scenarios that are the same in every run: hypothesis draws others when a constant of the code changes."""
    return (Scenario.random(Random(seed), LENGTH) for seed in range(first, last))


@pytest.mark.parametrize("first", range(0, SCENARIOS, _PART))
def test_what_must_hold_in_any_order_of_events(first):
    for scenario in sequences(first, first + _PART):
        try:
            scenario.play()
        except Exception as error:
            error.add_note(f"the shortest form: {scenario.shortened()}")
            raise


moves = st.one_of(
    st.builds(Move, st.just(name), st.tuples(*map(st.sampled_from, arguments))) for name, arguments in MOVES.items()
)
scenarios = st.builds(
    Scenario,
    **{field: st.sampled_from(values) for field, values in START.items()},
    moves=st.lists(moves, min_size=LENGTH // 2, max_size=LENGTH).map(tuple),
)


@pytest.mark.skipif(settings.get_current_profile_name() != "search", reason="run by `make search`")
@given(scenarios)
def test_search_for_sequences(scenario):
    """The same, over sequences that nobody has seen."""
    scenario.play()


def test_shortening_keeps_what_fails():
    """A failure is reported by what it takes, and not by forty moves."""

    class Broken(Scenario):
        def play(self):
            names = [move.name for move in self.moves]
            assert not {"disk_is_full", "process_dies"} <= set(names)

    needed = (Move("disk_is_full", ("one",)), Move("process_dies", (0,)))
    noise = (Move("processes_leave", ()),) * 5
    found = Broken(2, (), ("valid 0",) * 3, True, (*noise, needed[0], *noise, needed[1], *noise)).shortened()
    assert found.moves == needed
