"""One call of the ledger for people: its timeline, attempts, usage and cost. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from gecholog.ledger.answers import Attempt, Call, CallDetail
from gecholog.ledger.outcome import ERROR_CLASSES
from services.gui.ledger.amounts import duration_us, money, whole
from services.gui.ledger.figures import Figure

_US_IN_MS = 1000


@dataclass(frozen=True, slots=True)
class Span:
    """A bar of the timeline, in milliseconds from the arrival of the request."""

    label: str
    start_ms: float
    duration_ms: float
    kind: str
    note: str = ""


def figures(call: Call) -> list[Figure]:
    """Duration, tokens, cost."""
    return [
        Figure("Duration", duration_us(call.duration_us)),
        Figure("First chunk", duration_us(call.first_chunk_us)),
        Figure("Tokens in", whole(call.prompt_tokens)),
        Figure("Tokens out", whole(call.completion_tokens)),
        Figure("Cost", money(call.cost_pico), note="no price is known" if is_unpriced(call) else ""),
    ]


def is_unpriced(call: Call) -> bool:
    """Whether it used tokens of a model without a price."""
    return call.cost_pico is None and bool(call.total_tokens)


def timeline(found: CallDetail) -> list[Span]:
    """The spans that the ledger knows: the gateway, its attempts at upstreams, the first chunk."""
    call = found.call
    spans = [Span("Call", 0.0, call.duration_us / _US_IN_MS, "gateway")]
    for attempt in found.attempts:
        start = max(0, attempt.started_us - call.started_us) / _US_IN_MS
        spans.append(
            Span(
                f"Attempt {attempt.number}: {attempt_text(attempt)}",
                start,
                attempt.duration_us / _US_IN_MS,
                "attempt",
                str(attempt.status or attempt.error or "no reply"),
            )
        )
    if call.first_chunk_us is not None:
        spans.append(Span("First chunk", 0.0, call.first_chunk_us / _US_IN_MS, "stream"))
    return spans


def attempt_text(attempt: Attempt) -> str:
    """The target of an attempt: provider and model, or the router."""
    return " ".join(filter(None, (attempt.provider, attempt.model))) or attempt.router


def outcome(call: Call) -> str:
    """How it ended, in words; empty if it succeeded."""
    return ERROR_CLASSES.get(call.error_class, call.error_class)


def usage(call: Call) -> Iterator[tuple[str, Markup]]:
    """The counts of tokens that are known."""
    known = (
        ("Prompt", call.prompt_tokens),
        ("of which read from a cache", call.cached_tokens),
        ("of which written to a cache", call.cache_creation_tokens),
        ("Completion", call.completion_tokens),
        ("of which reasoning", call.reasoning_tokens),
        ("Total", call.total_tokens),
    )
    return ((title, whole(number)) for title, number in known if number is not None)
