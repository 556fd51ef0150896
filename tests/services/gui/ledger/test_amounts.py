"""Amounts that are rounded say so, and only nothing is shown as nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.ledger.money import PICO, usd_text
from services.gui.ledger.amounts import (
    NARROW,
    change_text,
    duration_us,
    money,
    points_text,
    share_text,
    usd_shown,
    whole,
)


@pytest.mark.parametrize(
    ("pico", "shown"),
    [
        (0, "$0.00"),
        (1, "$0.000000000001"),
        (5 * 10**9, "$0.005"),
        (20_753_250_000, "$0.0208"),
        (999_999_999_999, "$1.00"),
        (412_799_100_000_000, "$412.80"),
        (1_234_567 * PICO, f"$1{NARROW}234{NARROW}567.00"),
    ],
)
def test_usd_for_people(pico, shown):
    assert usd_shown(pico) == shown


@given(st.integers(0, 10**20))
def test_money_never_hides_what_it_is(pico):
    text = str(money(pico))
    assert f'value="{usd_text(pico)}"' in text
    shown = Decimal(usd_shown(pico).replace(NARROW, "").removeprefix("$"))
    exact = Decimal(pico) / PICO
    assert abs(shown - exact) <= max(exact / 100, Decimal("0.005") if exact >= 1 else 0)
    assert (shown == 0) == (pico == 0)
    assert ("title=" in text) == (shown != exact)


def test_what_is_not_known_is_a_dash():
    assert money(None) == whole(None) == duration_us(None) == "\N{EN DASH}"


def test_parts_and_changes():
    assert share_text(1, 3) == f"33.3{NARROW}%"
    assert share_text(1, 10**6) == f"<{NARROW}0.1{NARROW}%"
    assert share_text(10**6 - 1, 10**6) == f">{NARROW}99.9{NARROW}%"
    assert share_text(0, 0) == "\N{EN DASH}"
    assert change_text(112, 100) == f"+12{NARROW}%"
    assert change_text(3, 100) == f"\N{MINUS SIGN}97{NARROW}%"
    assert change_text(3400, 100) == f"\N{MULTIPLICATION SIGN}{NARROW}34"
    assert change_text(5, 0) == ""
    assert points_text((4, 100), (5, 100)) == f"\N{MINUS SIGN}1.0{NARROW}pt"
    assert points_text((0, 0), (5, 100)) == ""


def test_large_counts_are_short_and_exact_in_the_tooltip():
    assert whole(61_402_311) == (f'<data value="61402311" title="61{NARROW}402{NARROW}311">61.4{NARROW}M</data>')
    assert whole(184_203) == f'<data value="184203">184{NARROW}203</data>'


@pytest.mark.parametrize(
    ("us", "shown"),
    [
        (0, "0.0 ms"),
        (420, "0.4 ms"),
        (420_000, "420 ms"),
        (999_600, "1.0 s"),
        (3_546_000, "3.5 s"),
        (59_990_000, "1 min 0 s"),
        (125_000_000, "2 min 5 s"),
    ],
)
def test_durations(us, shown):
    assert duration_us(us).replace(NARROW, " ") == shown
