"""What the tokens of an answer cost, in USD. Exact decimals, never floats. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from gecholog.llm.price_table import Price
from gecholog.llm.usage import Usage

_MILLION = Decimal(1_000_000)


def cost_of(usage: Usage, price: Price) -> Decimal | None:
    """The cost of a usage in USD; None if it has no tokens, or tokens without a price: nothing is guessed.

    Cached, created and audio tokens, and reasoning, cost what input or output does where they have no price of their
    own. The tier is that of all input tokens.
    """
    if usage.prompt_tokens is None and usage.completion_tokens is None:
        return None
    total = Decimal(0)
    for tokens, names in _kinds(usage):
        if tokens <= 0:
            continue
        found = next((one for name in names if (one := price.of(name, usage.prompt_tokens or 0)) is not None), None)
        if found is None:
            return None
        total += tokens * found
    return total / _MILLION


def cost_text(cost: Decimal) -> str:
    """A cost as a decimal text, without an exponent and without zeros at its end."""
    text = f"{cost:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _kinds(usage: Usage) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Numbers of tokens, each token once, with the names of prices that they may have, the best first."""
    cached, created = usage.cached_tokens or 0, usage.cache_creation_tokens or 0
    heard, spoken = usage.prompt_audio_tokens or 0, usage.completion_audio_tokens or 0
    thought = usage.reasoning_tokens or 0
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    cached = min(cached, prompt)  # some providers tell of more than there was
    created = min(created, prompt - cached)
    heard = min(heard, prompt - cached - created)
    thought = min(thought, completion)
    spoken = min(spoken, completion - thought)
    yield prompt - cached - created - heard, ("input",)
    yield cached, ("cached_input", "input")
    yield created, ("cache_creation", "input")
    yield heard, ("audio_input", "input")
    yield completion - thought - spoken, ("output",)
    yield thought, ("reasoning", "output")
    yield spoken, ("audio_output", "output")
