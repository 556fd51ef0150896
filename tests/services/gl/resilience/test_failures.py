"""Which statuses move a call on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.resilience.failures import USUAL, fail_on


@given(st.integers(100, 599))
def test_usual(status):
    """408, 429 and all of 5xx."""
    assert (status in USUAL) == (status in {408, 429} or status >= 500)


@pytest.mark.parametrize(
    ("listed", "inside", "outside"),
    [
        ([429], [429], [428, 500]),
        (["4xx", "5xx"], [400, 404, 499, 500, 599], [200, 302, 399]),
        ([404, "5xx"], [404, 503], [400, 429]),
        ([], [], [500]),
    ],
)
def test_of_a_config(listed, inside, outside):
    """Statuses and classes; an empty list is nothing."""
    rule = fail_on(listed)
    assert all(status in rule for status in inside)
    assert not any(status in rule for status in outside)
    assert "500" not in rule
