from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.ledger.money import LARGEST, PICO, exact_usd, pico_usd, usd_text


@given(st.integers(-LARGEST, LARGEST))
def test_a_text_is_the_exact_amount(pico):
    assert Decimal(usd_text(pico)) * PICO == pico
    assert pico < 0 or pico_usd(exact_usd(usd_text(pico))) == pico


@pytest.mark.parametrize(
    ("usd", "pico"),
    [("0", 0), ("0.02075325", 20_753_250_000), ("0.0000000000005", 0), ("0.0000000000015", 2), ("0.0000000000007", 1)],
)
def test_amounts_are_rounded_half_to_even(usd, pico):
    assert pico_usd(exact_usd(usd)) == pico


@pytest.mark.parametrize("usd", ["", "x", "-1", "NaN", "Infinity", "1e9", "100000.1", 1, None, "0" * 61])
def test_other_values_are_no_amount(usd):
    assert exact_usd(usd) is None
