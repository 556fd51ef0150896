"""Values of a config file that must differ from each other."""

from hypothesis import given
from hypothesis import strategies as st

from gecholog.duplicates import duplicates


@given(st.lists(st.integers(0, 5)))
def test_all_places_of_a_repeated_value(values):
    """Each place whose value comes more than once is found once, and no other."""
    found = [
        place for place, _ in duplicates(((("list", index), value) for index, value in enumerate(values)), "twice")
    ]
    assert sorted(found) == [("list", index) for index, value in enumerate(values) if values.count(value) > 1]
