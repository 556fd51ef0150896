"""Token usage as JSON, for records and processors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog import llm
from gecholog.rawjson import Raw, dumps

if TYPE_CHECKING:
    from gecholog.llm import Usage


def usage_json(usage: Usage) -> Raw:
    """The usage of a call as JSON."""
    return Raw(dumps(usage.fields()))


NO_USAGE = usage_json(llm.NONE)
