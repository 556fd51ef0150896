"""The figures at the top of a page: a title, a value, and how it differs from the time before. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from gecholog.ledger.answers import Totals
from services.gui.ledger.amounts import change_text, digits, duration_us, money, points_text, share_text, whole
from services.gui.ledger.overview_answer import OverviewAnswer

GOOD, BAD, NEUTRAL = "good", "bad", "neutral"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure. `change` is empty if there is nothing to compare with; `mood` is its colour; `note` stands below."""

    title: str
    value: str | Markup
    change: str = ""
    mood: str = NEUTRAL
    note: str = ""


def overview_figures(answer: OverviewAnswer) -> list[Figure]:
    """Calls, tokens, cost, errors, p50 and p95, each against the time before."""
    now, before = answer.totals, answer.before
    return [
        Figure("Calls", whole(now.calls), change_text(now.calls, before.calls)),
        Figure("Tokens", whole(now.total_tokens), change_text(now.total_tokens, before.total_tokens)),
        cost(now, before),
        Figure(
            "Errors",
            share_text(now.errors, now.calls),
            points_text((now.errors, now.calls), (before.errors, before.calls)),
            _mood(now.errors * before.calls, before.errors * now.calls),
            note=f"{digits(now.errors)} of {digits(now.calls)}" if now.errors else "",
        ),
        _percentile("Median", answer.latency.p50_us, answer.latency_before.p50_us),
        _percentile("95 % within", answer.latency.p95_us, answer.latency_before.p95_us),
    ]


def cost(now: Totals, before: Totals | None = None) -> Figure:
    """What calls cost, and how many of them have no price."""
    change = "" if before is None else change_text(now.cost_pico, before.cost_pico)
    mood = NEUTRAL if before is None else _mood(now.cost_pico, before.cost_pico)
    note = f"and {digits(now.unpriced)} call{'' if now.unpriced == 1 else 's'} without a price" if now.unpriced else ""
    return Figure("Cost", money(now.cost_pico), change, mood, note)


def _percentile(title: str, now: int | None, before: int | None) -> Figure:
    if now is None or before is None:
        return Figure(title, duration_us(now))
    return Figure(title, duration_us(now), change_text(now, before), _mood(now, before))


def _mood(now: int, before: int) -> str:
    """Of what is better the less it is."""
    return BAD if now > before else GOOD if now < before else NEUTRAL
