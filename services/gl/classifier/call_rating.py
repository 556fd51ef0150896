"""The rating of a call by a classifier, what the record shows of it, and what it costs the client.

The classifier is called before it is known what the call itself needs. What the rating may use is held first, so that
a client without a budget left does not spend it on ratings.
"""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING, NamedTuple

from gecholog import llm, rawjson
from gecholog.llm import request_size
from gecholog.llm.usage_estimate import ESTIMATED
from services.gl.classifier import classifier
from services.gl.quota.reservation import FREE, reservation_of
from services.gl.record.usage import cost_of_nano
from services.gl.usage import call_usage
from services.gl.usage.call_cost import RequestedModel, cost_of_usage
from services.gl.usage.candidate_prices import priced
from services.gl.usage.holding import hold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.record import Fields
    from services.gl.call import Call
    from services.gl.candidates.candidate import Candidate
    from services.gl.classifier.classifier import Rated
    from services.gl.dependencies import Dependencies
    from services.gl.models.model import Classifier
    from services.gl.record.usage import Cost

_NOT_OF_A_CLIENT = RequestedModel("", b"")


async def rate(
    call: Call, rules: Classifier, raters: Sequence[Candidate], prompt: str, deps: Dependencies
) -> int | None:
    """Have a call rated by the first of the models that can be called; None if there is no rating. It is recorded.

    A model whose circuit breaker is open is not called: each call would wait for it in vain. Raises Refusal if the
    rating may exceed a limit of the client.
    """
    section = call.request_base
    rater = next(filter(deps.targets.breakers.admits, raters), None)
    if rater is None:
        section.note("classifier", f"the circuit breaker of {raters[0].key} is open")
        return None
    if (known := classifier.known(rules, rater, prompt, deps)) is not None:
        section.fields["classifier"] = known.record_fields
        return known.rating
    expected = _hold(call, rules, rater, prompt, deps)
    start = monotonic_ns()
    try:
        rated = await classifier.rate(rules, rater, prompt, deps)
    except asyncio.CancelledError:  # the client has disconnected, but the record is still written
        section.fields["classifier"] = classifier.broken_off(rater, start) | _charged(call, expected)
        raise
    section.fields["classifier"] = rated.record_fields | _used(call, rater, rated, expected)
    if rated.rating is None:
        section.note("classifier", str(rated.record_fields.get("error")))
    return rated.rating


class _Expected(NamedTuple):
    """What a rating may use, and its cost if the price is known."""

    usage: llm.Usage
    cost: Cost | None


def _hold(call: Call, rules: Classifier, rater: Candidate, prompt: str, deps: Dependencies) -> _Expected | None:
    """Hold what a rating may use; None if nothing limits the call. Raises Refusal."""
    if call.limits is None or not call.is_admitted or not call.is_charged:
        return None
    request = rawjson.dumps(classifier.request(rules, rater.model, prompt))
    asked, output = request_size.prompt_tokens(request), request_size.output_tokens(request, rules.max_tokens)
    prices = call.config.prices
    rates = FREE if prices is None else priced(prices, (rater,), _NOT_OF_A_CLIENT, asked).rates
    held = reservation_of(asked, output, rates).held
    hold(call.limits.accounts, held, deps)
    call.held_beside = call.held_beside.plus(held)
    cost = None if prices is None or rates is FREE else cost_of_nano(held.nano_usd, prices.version)
    return _Expected(llm.Usage(ESTIMATED, asked, output, held.tokens), cost)


def _used(call: Call, rater: Candidate, rated: Rated, expected: _Expected | None) -> Fields:
    """Charge what a rating has used: as its provider says, else what was expected of an answer. Returns its fields."""
    if rated.usage is None:
        return _charged(call, expected) if rated.is_answered else {}
    cost = cost_of_usage(call.config.prices, rater, _NOT_OF_A_CLIENT, rated.usage)
    call_usage.add_beside(call, rated.usage, cost)
    return {} if cost is None else {"cost": cost.shown}


def _charged(call: Call, expected: _Expected | None) -> Fields:
    """Charge what was expected, because what was used is not known. Returns its fields for the record."""
    if expected is None:
        return {}
    call_usage.add_beside(call, expected.usage, expected.cost)
    return {"usage": expected.usage.fields()} | ({} if expected.cost is None else {"cost": expected.cost.shown})
