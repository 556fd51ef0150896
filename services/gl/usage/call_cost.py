"""What an answer costs, by the prices that were in force when its call began.

The price is that of the model in the answer; of the model that was asked for, if the answer names none or the tables do
not know it. Nothing is guessed: without a price there is no cost.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from http import HTTPStatus
from time import time
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import unquote

import orjson

from gecholog.llm.cost import cost_of
from gecholog.llm.request import members
from gecholog.llm.service_tier import has_dearer_tier
from services.gl.record.usage import cost_of_atto

if TYPE_CHECKING:
    from gecholog.llm import Usage
    from gecholog.llm.price import Price
    from gecholog.llm.prices import Prices
    from services.gl.candidates.candidate import Candidate
    from services.gl.http import UpstreamRequest
    from services.gl.record.usage import Cost

_DAY_S = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
LARGEST_SEARCHED = 1024 * 1024
"""Bytes of a request that is searched for its model."""
# Models in paths: Gemini's and Vertex's, Bedrock's, and Azure's deployments.
_IN_PATH = re.compile(r"/(?:models|model|deployments)/([^/:]+)(?=[/:])")
_SUCCESS = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)


class Asked(Protocol):
    """A request, of which path and body say which model it is for."""

    @property
    def path(self) -> str: ...
    @property
    def body(self) -> bytes: ...


class RequestedModel(NamedTuple):
    """The part of a request that says which model it is for."""

    path: str
    body: bytes


class Answered(NamedTuple):
    """What an answer says about its cost. `model` is empty and `images` None if it does not tell."""

    status: int
    usage: Usage | None
    model: str = ""
    images: int | None = None


def cost_of_answer(
    prices: Prices | None, request: UpstreamRequest, candidate: Candidate, answer: Answered
) -> Cost | None:
    """The cost of an answer; None if it is not known.

    `request` is the request to the candidate.
    """
    if prices is None or (answer.usage is None and not _may_cost_without_usage(prices, request, answer)):
        return None
    if has_dearer_tier(request.body, request.headers):
        return None
    price = price_of(prices, request, candidate, answer.model)
    cost = None if price is None else cost_of(price, answer.usage, answer.images)
    return None if cost is None else cost_of_atto(cost, prices.version)


def cost_of_usage(prices: Prices | None, candidate: Candidate, asked: Asked, usage: Usage) -> Cost | None:
    """The cost of an answer that reports its usage and is not read otherwise; None if it is not known."""
    price = None if prices is None else price_of(prices, asked, candidate)
    cost = None if price is None else cost_of(price, usage)
    return None if cost is None or prices is None else cost_of_atto(cost, prices.version)


def _may_cost_without_usage(prices: Prices, request: UpstreamRequest, answer: Answered) -> bool:
    """Whether an answer without token usage may cost something: for its images, or because it was made at all."""
    return prices.has_pieces and request.method == "POST" and answer.status in _SUCCESS


def price_of(prices: Prices, request: Asked, candidate: Candidate, answered: str = "") -> Price | None:
    """The price of an answer; None if it is not known. `answered` is the model that the answer names, if it does."""
    vendor, provider = candidate.vendor, candidate.provider
    if not vendor and provider is None:
        return None
    today = _date_of(int(time()) // _DAY_S)
    if provider is not None:
        return prices.find(vendor, (answered, candidate.model), today, provider.name)
    if answered and not prices.overrides.prices:  # most calls: the request need not be read
        found = prices.find(vendor, (answered,), today)
        return found or prices.find(vendor, (requested_model(request),), today)
    return prices.find(vendor, (answered, requested_model(request)), today)


@lru_cache(maxsize=2)
def _date_of(day: int) -> date:
    """The date of a number of days since 1970."""
    return date.fromordinal(_EPOCH + day)


def requested_model(request: Asked) -> str:
    """The model that a request to an upstream names in its path or in its body; empty if it names none."""
    if (found := _IN_PATH.search(request.path)) is not None:
        return unquote(found[1])
    asked = members(request.body) if len(request.body) <= LARGEST_SEARCHED else None
    written = b"" if asked is None else bytes(asked.model)
    try:
        model = orjson.loads(written) if written else ""
    except orjson.JSONDecodeError:
        return ""
    return model if isinstance(model, str) else ""
