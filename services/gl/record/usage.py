"""Token usage and its cost as JSON, for records and processors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gecholog import llm
from gecholog.llm.cost import cost_text
from gecholog.rawjson import Raw, dumps

if TYPE_CHECKING:
    from gecholog.llm import Usage


def usage_json(usage: Usage) -> Raw:
    """The usage of a call as JSON."""
    return Raw(dumps(usage.fields()))


_ATTO_IN_NANO = 10**9


class Cost(NamedTuple):
    """What the usage of a call costs: in nano-USD, rounded up as limits count it, and exactly, as JSON for records.

    `atto_usd` is the same number as the text in `shown`, for metrics.
    """

    nano_usd: int
    shown: Raw
    atto_usd: int = 0


def cost_of_atto(cost: int, prices: str) -> Cost:
    """A cost of so many atto-USD (10^-18 USD), by the prices of a version."""
    shown = Raw(b'{"usd":"%b","prices":%b}' % (cost_text(cost).encode(), dumps(prices)))
    return Cost(-(-cost // _ATTO_IN_NANO), shown, cost)


def cost_of_nano(cost: int, prices: str) -> Cost:
    """A cost of so many nano-USD, by the prices of a version."""
    return cost_of_atto(cost * _ATTO_IN_NANO, prices)


NO_USAGE = usage_json(llm.NONE)
