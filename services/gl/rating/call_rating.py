"""The rating of a call by a classifier, and what the record shows of it."""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING

from services.gl.rating import classifier
from services.gl.usage import call_usage
from services.gl.usage.call_cost import RequestedModel, cost_of_usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.gl.call import Call
    from services.gl.candidates.candidate import Candidate
    from services.gl.dependencies import Dependencies
    from services.gl.models.model import Classifier
    from services.gl.rating.classifier import Rated
    from services.gl.record.usage import Cost


async def rate(
    call: Call, rules: Classifier, raters: Sequence[Candidate], prompt: str, deps: Dependencies
) -> int | None:
    """Have a call rated by the first of the models that can be called; None if there is no rating. It is recorded.

    A model whose circuit breaker is open is not called: each call would wait for it in vain.
    """
    section = call.request_base
    rater = next(filter(deps.targets.breakers.admits, raters), None)
    if rater is None:
        section.note("classifier", f"the circuit breaker of {raters[0].key} is open")
        return None
    start = monotonic_ns()
    try:
        rated = await classifier.rate(rules, rater, prompt, deps)
    except asyncio.CancelledError:  # the client has disconnected, but the record is still written
        section.fields["classifier"] = classifier.broken_off(rater, start)
        raise
    cost = _cost(call, rater, rated)
    section.fields["classifier"] = rated.record_fields | ({} if cost is None else {"cost": cost.shown})
    if rated.usage is not None:
        call_usage.add_beside(call, rated.usage, cost)
    if rated.rating is None:
        section.note("classifier", str(rated.record_fields.get("error")))
    return rated.rating


def _cost(call: Call, rater: Candidate, rated: Rated) -> Cost | None:
    """What the rating costs; None if that is not known."""
    usage = rated.usage
    return None if usage is None else cost_of_usage(call.config.prices, rater, RequestedModel("", b""), usage)
