"""Quotas and budgets of a key, its owner, a router or the gateway, as in config files and key entries. Pure.

    "quotas": {"rpm": 60, "tpm": 100000, "rpd": 5000, "concurrency": 8, "default_output_tokens": 1024}
    "budget": {"usd": "20.50", "period": "month", "time_zone": "Europe/Stockholm"}
    "budget": {"tokens": 5000000, "period": "day"}

Money is counted in nano-USD, as integers: `usd` is an exact decimal in a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from gecholog.quota.period import Period, zone
from gecholog.quota.window import CalendarWindow

NANO_IN_USD = 1_000_000_000
TOKENS, NANO_USD = "tokens", "nano_usd"
"""The units of budgets."""

DEFAULT_OUTPUT_TOKENS = 1024

_LARGEST = 2**53  # JSON readers with doubles read it exactly
_LARGEST_USD = 9_000_000  # below `_LARGEST` in nano-USD
_QUOTAS = ("rpm", "tpm", "rpd", "concurrency", "default_output_tokens")
_BUDGET = ("usd", "tokens", "period", "time_zone")


class LimitError(ValueError):
    """A limit that cannot be read. `field` names it, such as `budget.usd`; `rule` says what it must be."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} {rule}")
        self.field = field
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits of rates; None is no limit.

    `rpm` and `tpm` are requests and tokens in the last minute, `rpd` requests since midnight UTC, `concurrency` calls
    at a time. `default_output_tokens` is reserved for a request that does not say how long its answer may be; None: as
    the next wider subject says.
    """

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    concurrency: int | None = None
    default_output_tokens: int | None = None


_NO_QUOTAS = Quotas()


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent in a calendar period: nano-USD, or tokens if `is_tokens`.

    `window` is the name of its period, and `unit` that of what is counted.
    """

    amount: int
    period: Period
    time_zone: str = "UTC"
    is_tokens: bool = False
    window: str = field(init=False, repr=False, compare=False)
    unit: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "window", CalendarWindow(self.period, self.time_zone).name)
        object.__setattr__(self, "unit", TOKENS if self.is_tokens else NANO_USD)

    def as_json(self) -> dict[str, Any]:
        """The budget as in config files."""
        spent = {"tokens": self.amount} if self.is_tokens else {"usd": usd_text(self.amount)}
        zone_name = {} if self.time_zone == "UTC" else {"time_zone": self.time_zone}
        return {**spent, "period": self.period.value, **zone_name}


@dataclass(frozen=True, slots=True)
class Limits:
    """The quotas and the budget of one subject."""

    quotas: Quotas = _NO_QUOTAS
    budget: Budget | None = None
    is_set: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_set", self.budget is not None or self.quotas != _NO_QUOTAS)

    @property
    def counts_tokens(self) -> bool:
        """Whether tokens or money are limited."""
        return self.budget is not None or self.quotas.tpm is not None

    @property
    def in_usd(self) -> bool:
        """Whether there is a budget in USD."""
        return self.budget is not None and not self.budget.is_tokens

    def __bool__(self) -> bool:
        """Whether anything is set."""
        return self.is_set


NO_LIMITS = Limits()


def limits_of(entry: Mapping[str, Any]) -> Limits:
    """The limits in an entry that may have `quotas` and `budget`. Raises LimitError."""
    return Limits(
        quotas_of(entry["quotas"]) if entry.get("quotas") is not None else _NO_QUOTAS,
        budget_of(entry["budget"]) if entry.get("budget") is not None else None,
    )


def quotas_of(value: Any) -> Quotas:
    """The quotas of a JSON object. Raises LimitError, which names the field."""
    fields = _object(value, "quotas", _QUOTAS)
    return Quotas(**{name: _count(f"quotas.{name}", number) for name, number in fields.items() if number is not None})


def budget_of(value: Any) -> Budget:
    """The budget of a JSON object. Raises LimitError, which names the field."""
    fields = _object(value, "budget", _BUDGET)
    if ("usd" in fields) == ("tokens" in fields):
        raise LimitError("budget", "must have either usd or tokens")
    is_tokens = "tokens" in fields
    amount = _count("budget.tokens", fields["tokens"]) if is_tokens else _nano_usd("budget.usd", fields["usd"])
    return Budget(amount, _period(fields.get("period")), _zone(fields.get("time_zone", "UTC")), is_tokens)


def budget_of_text(text: str) -> Budget:
    """The budget of a text such as `20.50/month` (USD) or `5000000 tokens/day`. Raises LimitError."""
    amount, _, period = (part.strip() for part in text.partition("/"))
    number = amount.removesuffix("tokens").strip()
    if number != amount:
        return budget_of({"tokens": int(number) if number.isdecimal() else number, "period": period})
    return budget_of({"usd": number, "period": period})


def nano_usd(cost: Decimal) -> int:
    """A cost in USD as nano-USD, rounded up: what is counted is never less than what was spent."""
    return int((cost * NANO_IN_USD).to_integral_value(ROUND_CEILING))


def usd_text(nano: int) -> str:
    """Nano-USD as a decimal text in USD, without zeros at its end."""
    sign, whole, fraction = "-" if nano < 0 else "", *divmod(abs(nano), NANO_IN_USD)
    return f"{sign}{whole}.{fraction:09}".rstrip("0").rstrip(".")


def _object(value: Any, place: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise LimitError(place, "must be an object")
    for name in value:
        if name not in known:
            raise LimitError(f"{place}.{name}", f"is not known, must be one of {', '.join(known)}")
    return value


def _count(field: str, value: Any) -> int:
    if type(value) is not int or not 0 < value <= _LARGEST:
        raise LimitError(field, "must be a whole number above 0")
    return value


def _nano_usd(field: str, value: Any) -> int:
    """A text or whole number of USD as nano-USD, exactly."""
    try:
        usd = Decimal(value) if type(value) in (str, int) else Decimal("NaN")
    except InvalidOperation:
        usd = Decimal("NaN")
    if not usd.is_finite() or not 0 < usd <= _LARGEST_USD or (nano := usd * NANO_IN_USD) != int(nano):
        raise LimitError(field, f'must be a decimal in a text such as "20.50", above 0 and at most {_LARGEST_USD}')
    return int(nano)


def _period(value: Any) -> Period:
    try:
        return Period(value)
    except ValueError:
        raise LimitError("budget.period", f"must be one of {', '.join(one.value for one in Period)}") from None


def _zone(value: Any) -> str:
    if not isinstance(value, str):
        raise LimitError("budget.time_zone", "must be a text")
    try:
        zone(value)
    except ValueError as error:
        raise LimitError("budget.time_zone", str(error)) from None
    return value
