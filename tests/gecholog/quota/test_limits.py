"""Quotas and budgets as in config files."""

import json
from decimal import Decimal
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gecholog.quota.limits import (
    NO_LIMITS,
    Budget,
    LimitError,
    Limits,
    Quotas,
    budget_of,
    budget_of_text,
    limits_of,
    nano_usd,
    quotas_of,
    usd_text,
)
from gecholog.quota.period import Period

COMMON = json.loads(files("gecholog").joinpath("common.schema.json").read_text("utf-8"))["$defs"]


def test_limits():
    entry = {"quotas": {"rpm": 60, "concurrency": 8}, "budget": {"usd": "20.50", "period": "month"}}
    assert limits_of(entry) == Limits(Quotas(rpm=60, concurrency=8), Budget(20_500_000_000, Period.MONTH))


def test_no_limits():
    assert limits_of({}) == NO_LIMITS
    assert not limits_of({"quotas": {}})
    assert limits_of({"quotas": {"rpd": 1}})


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"quotas": {"rpm": 0}}, "quotas.rpm"),
        ({"quotas": {"tpm": "60"}}, "quotas.tpm"),
        ({"quotas": {"rpd": True}}, "quotas.rpd"),
        ({"quotas": {"concurrency": 1.0}}, "quotas.concurrency"),
        ({"quotas": {"rps": 1}}, "quotas.rps"),
        ({"quotas": []}, "quotas"),
        ({"budget": {"period": "day"}}, "budget"),
        ({"budget": {"usd": "1", "tokens": 1, "period": "day"}}, "budget"),
        ({"budget": {"usd": "0", "period": "day"}}, "budget.usd"),
        ({"budget": {"usd": "NaN", "period": "day"}}, "budget.usd"),
        ({"budget": {"usd": 0.5, "period": "day"}}, "budget.usd"),
        ({"budget": {"usd": "0.0000000001", "period": "day"}}, "budget.usd"),
        ({"budget": {"tokens": -1, "period": "day"}}, "budget.tokens"),
        ({"budget": {"tokens": 1, "period": "year"}}, "budget.period"),
        ({"budget": {"tokens": 1}}, "budget.period"),
        ({"budget": {"tokens": 1, "period": "day", "time_zone": "Moon/Crater"}}, "budget.time_zone"),
        ({"budget": {"tokens": 1, "period": "day", "time_zone": "../../etc/passwd"}}, "budget.time_zone"),
        ({"budget": {"tokens": 1, "period": "day", "time_zone": 2}}, "budget.time_zone"),
    ],
)
def test_errors_name_the_field(entry, field):
    with pytest.raises(LimitError) as caught:
        limits_of(entry)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20/month", Budget(20_000_000_000, Period.MONTH)),
        ("0.000000001 / total", Budget(1, Period.TOTAL)),
        ("5000 tokens/day", Budget(5000, Period.DAY, is_tokens=True)),
    ],
)
def test_text(text, expected):
    assert budget_of_text(text) == expected


@pytest.mark.parametrize("text", ["", "20", "month", "20/year", "-1/day", "x tokens/day", "1e99/day", "20 usd/day"])
def test_text_that_is_no_budget(text):
    with pytest.raises(LimitError):
        budget_of_text(text)


@given(st.integers(1, 9_000_000 * 10**9))
def test_money_is_exact(nano):
    """What is read from the text of an amount is the amount."""
    budget = Budget(nano, Period.WEEK, "+02:00")
    assert budget_of(budget.as_json()) == budget
    assert Decimal(usd_text(nano)) == Decimal(nano) / 10**9


def test_a_cost_is_rounded_up():
    assert nano_usd(Decimal("0.0000000001")) == 1
    assert nano_usd(Decimal("0.010452")) == 10_452_000
    assert nano_usd(Decimal(0)) == 0


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("rpm", "tpm", "rpd", "concurrency"), st.integers(-1, 2**60))))
def test_the_schema_of_quotas_agrees(value):
    """The schema takes what `quotas_of` takes, and nothing else."""
    is_valid = Draft202012Validator(COMMON["quotas"]).is_valid(value)
    try:
        quotas_of(value)
    except LimitError:
        assert not is_valid
    else:
        assert is_valid


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        ({"usd": "20.50", "period": "month"}, True),
        ({"usd": "20.5000000001", "period": "month"}, False),
        ({"usd": "-1", "period": "month"}, False),
        ({"tokens": 1, "period": "total", "time_zone": "UTC"}, True),
        ({"tokens": 1, "period": "year"}, False),
    ],
)
def test_the_schema_of_budgets(value, is_valid):
    assert Draft202012Validator(COMMON["budget"]).is_valid(value) is is_valid
