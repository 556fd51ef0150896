"""What the tokens of a call cost at the dearest of its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from services.gl.quota.reservation import FREE, TokenRates
from services.gl.usage.call_cost import RequestedModel, price_of, requested_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.llm.price import Price
    from gecholog.llm.prices import Prices
    from services.gl.candidates.candidate import Candidate


class Priced(NamedTuple):
    """The candidates whose price is known, and the highest rates among them."""

    candidates: tuple[Candidate, ...]
    rates: TokenRates


def priced(prices: Prices | None, candidates: Sequence[Candidate], request: RequestedModel, prompt: int) -> Priced:
    """Leave out the candidates without a known price. Prices depend on `prompt`, the number of input tokens."""
    found, rates = [], FREE
    for candidate in candidates:
        price = None if prices is None else price_of(prices, request, candidate)
        if price is not None:
            found.append(candidate)
            rates = _higher(rates, _rates(price, prompt))
    return Priced(tuple(found), rates)


def model_shown(candidates: Sequence[Candidate], request: RequestedModel) -> str:
    """The name of the model for an error; empty if it is not known."""
    named = next((candidate.model for candidate in candidates if candidate.model), "")
    return named or requested_model(request)


def _rates(price: Price, prompt: int) -> TokenRates:
    rates = price.rates(prompt)
    return TokenRates(rates.get("input", 0), max(rates.get("output", 0), rates.get("reasoning", 0)))


def _higher(one: TokenRates, other: TokenRates) -> TokenRates:
    return TokenRates(max(one.input, other.input), max(one.output, other.output))
