"""Money in the ledger: integers of pico-USD (10⁻¹² USD). Pure.

Records have exact decimals. They are rounded here and nowhere else, once for each amount.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

PICO = 10**12
"""Pico-USD in a USD."""

LARGEST = 100_000 * PICO
"""The highest cost of one call. More is a wrong price, and would overflow sums of 64 bits."""

_EXACT = Context(prec=80)
_ROUNDING = Context(prec=80, rounding=ROUND_HALF_EVEN)


def exact_usd(text: object) -> Decimal | None:
    """The amount that a record gives as `usd`; None if it is not a decimal from 0 to `LARGEST`."""
    if not isinstance(text, str) or len(text) > 60:  # noqa: PLR2004 - more than any price with 12 decimals makes
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= LARGEST // PICO else None


def sum_usd(amounts: Iterable[Decimal]) -> Decimal | None:
    """The exact sum of amounts; None if it is above `LARGEST`."""
    total = Decimal(0)
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return total if total <= LARGEST // PICO else None


def pico_usd(amount: Decimal) -> int:
    """Round an amount in USD to whole pico-USD, half to even."""
    return int(_EXACT.multiply(amount, PICO).to_integral_value(context=_ROUNDING))


def usd_text(pico: int) -> str:
    """Pico-USD as a decimal of USD, without zeros at its end: `0.02075325`."""
    sign, pico = ("-", -pico) if pico < 0 else ("", pico)
    whole, rest = divmod(pico, PICO)
    decimals = f"{rest:012d}".rstrip("0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
