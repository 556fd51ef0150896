"""What the tokens of a call cost at the dearest of its candidates."""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from gecholog.llm.model_name import models_in
from services.gl.quota.reservation import FREE, TokenRates
from services.gl.usage.call_cost import LARGEST_SEARCHED, RequestedModel, price_of, requested_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.llm.price import Price
    from gecholog.llm.prices import Prices
    from services.gl.candidates.candidate import Candidate

_NAMED = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*"([^"\\]{1,200})"')
_OUTPUT = ("output", "reasoning", "audio_output", "image_output", "video_output")


class Priced(NamedTuple):
    """The candidates whose price is known, and the highest rates among them."""

    candidates: tuple[Candidate, ...]
    rates: TokenRates


def priced(prices: Prices | None, candidates: Sequence[Candidate], request: RequestedModel, prompt: int) -> Priced:
    """Leave out the candidates without a known price. Prices depend on `prompt`, the number of input tokens.

    If it is not clear which model a request is for, the price is that of the dearest.
    """
    if prices is None:
        return Priced((), FREE)
    found, rates, names = [], FREE, ("", *_names(request.body))
    for candidate in candidates:
        known = [price for name in names if (price := price_of(prices, request, candidate, name)) is not None]
        if known:
            found.append(candidate)
            rates = reduce(_higher, (_rates(price, prompt) for price in known), rates)
    return Priced(tuple(found), rates)


def _names(body: bytes) -> tuple[str, ...]:
    """All models that a request names, if there may be more than one, or if it is too large to be parsed."""
    if len(body) > LARGEST_SEARCHED:
        return tuple({name.decode("utf-8", "replace") for name in _NAMED.findall(body)})
    if body.count(b'"model') > 1 or b"\\u00" in body:
        return models_in(body)
    return ()


def model_shown(candidates: Sequence[Candidate], request: RequestedModel) -> str:
    """The name of the model for an error; empty if it is not known."""
    named = next((candidate.model for candidate in candidates if candidate.model), "")
    return named or requested_model(request)


def _rates(price: Price, prompt: int) -> TokenRates:
    rates = price.rates(prompt)
    output = max((rates.get(kind, 0) for kind in _OUTPUT), default=0)
    return TokenRates(rates.get("input", 0), output, (price.per_image or 0) + (price.per_request or 0))


def _higher(one: TokenRates, other: TokenRates) -> TokenRates:
    return TokenRates(*map(max, one, other))
