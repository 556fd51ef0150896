"""Token usage and its cost as JSON, for records and processors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog import llm
from gecholog.llm.cost import cost_text
from gecholog.rawjson import Raw, dumps

if TYPE_CHECKING:
    from gecholog.llm import Usage


def usage_json(usage: Usage) -> Raw:
    """The usage of a call as JSON."""
    return Raw(dumps(usage.fields()))


def cost_json(cost: int, prices: str) -> Raw:
    """A cost in atto-USD as JSON for a record, with the version of the prices."""
    return Raw(dumps({"usd": cost_text(cost), "prices": prices}))


NO_USAGE = usage_json(llm.NONE)
