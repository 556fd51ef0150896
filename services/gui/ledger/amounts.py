"""Amounts for people, which do not lie: what is rounded says what it is exactly. Pure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from markupsafe import Markup

from gecholog.ledger.money import PICO, usd_text

NARROW = "\N{NARROW NO-BREAK SPACE}"
UNKNOWN = "\N{EN DASH}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_THREE_DIGITS = 3
_FAR = 10  # times as much: a percentage would not tell more


def usd_shown(pico: int) -> str:
    """Pico-USD with two decimals from one USD on, below that with three digits. Only nothing is `$0.00`."""
    sign, size = ("-" if pico < 0 else ""), abs(pico)
    exact = Decimal(size) / PICO
    if size == 0 or exact >= 1:
        return f"{sign}${exact.quantize(Decimal('0.01'), ROUND_HALF_UP):,}".replace(",", NARROW)
    places = max(2, _THREE_DIGITS - 1 - exact.adjusted())
    text = f"{exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"
    whole, _, decimals = text.partition(".")
    return f"{sign}${whole}.{decimals.rstrip('0').ljust(2, '0')}"


def money(pico: int | None) -> Markup:
    """An amount whose tooltip is exact; a dash if it is not known."""
    if pico is None:
        return Markup("{}").format(UNKNOWN)
    shown, exact = usd_shown(pico), f"${usd_text(pico)}"
    if Decimal(shown.replace(NARROW, "").replace("$", "")) == Decimal(pico) / PICO:
        return Markup('<data value="{}">{}</data>').format(usd_text(pico), shown)
    return Markup('<data value="{}" title="exactly {}">{}</data>').format(usd_text(pico), exact, shown)


def whole(number: int | None) -> Markup:
    """A count. From ten million on it is short, and its tooltip has all digits."""
    if number is None:
        return Markup("{}").format(UNKNOWN)
    full = digits(number)
    for unit, name in ((10**9, "G"), (10**6, "M")):
        if abs(number) >= 10 * unit or (name == "G" and abs(number) >= unit):
            return Markup('<data value="{}" title="{}">{:.1f}{}{}</data>').format(
                number, full, number / unit, NARROW, name
            )
    return Markup('<data value="{}">{}</data>').format(number, full)


def digits(number: int) -> str:
    """A count with all its digits, as text: `184 203`, with thin spaces."""
    return f"{number:,}".replace(",", NARROW)


def share_text(part: int, of: int) -> str:
    """A part in percent: `0.4 %`; `< 0.1 %` for a little, and `> 99.9 %` for nearly all."""
    if not of:
        return UNKNOWN
    tenths = Fraction(1000 * part, of)
    if 0 < tenths < 1:
        return f"<{NARROW}0.1{NARROW}%"
    if 999 < tenths < 1000:  # noqa: PLR2004 - tenths of a percent
        return f">{NARROW}99.9{NARROW}%"
    return f"{float(tenths) / 10:.1f}{NARROW}%"


def change_text(now: int, before: int) -> str:
    """How a figure differs from the one before: `+12 %`, or `x 34`. Empty if there was nothing before."""
    if not before:
        return ""
    times = Fraction(now, before)
    if times >= _FAR:
        return f"{_TIMES}{NARROW}{int(times)}"
    percent = round((times - 1) * 100)
    if not percent:
        return f"±0{NARROW}%"
    return f"{percent:+d}{NARROW}%".replace("-", "\N{MINUS SIGN}")


def points_text(now: tuple[int, int], before: tuple[int, int]) -> str:
    """How a part differs from the one before, in percentage points: `+0.3 pt`. Each is a part and its whole."""
    if not now[1] or not before[1]:
        return ""
    tenths = round((Fraction(*now) - Fraction(*before)) * 1000)
    if not tenths:
        return f"±0{NARROW}pt"
    return f"{tenths / 10:+.1f}{NARROW}pt".replace("-", "\N{MINUS SIGN}")


def duration_us(microseconds: int | None) -> str:
    """A duration for people: `0.4 ms`, `420 ms`, `3.5 s`, `2 min 5 s`."""
    if microseconds is None:
        return UNKNOWN
    if microseconds < 10_000:  # noqa: PLR2004 - 10 ms
        return f"{microseconds / 1000:.1f}{NARROW}ms"
    if microseconds < 999_500:  # noqa: PLR2004 - shown as a second from there on
        return f"{microseconds / 1000:.0f}{NARROW}ms"
    if microseconds < 59_950_000:  # noqa: PLR2004 - shown as a minute from there on
        return f"{microseconds / 1_000_000:.1f}{NARROW}s"
    seconds = round(microseconds / 1_000_000)
    return f"{seconds // 60}{NARROW}min {seconds % 60}{NARROW}s"
