"""What Gemini's models can do about thinking, by their names (https://ai.google.dev/gemini-api/docs/thinking)."""

from __future__ import annotations

import re
from enum import Enum

NAME = "gemini"

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
_LEVELS = {"minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_DEFAULT = "medium"
_LEAST_BUDGET = 512


class Thinking(Enum):
    """How a model is asked to think."""

    NONE = "none"
    BUDGET = "budget"  # with a number of tokens
    LEVEL = "level"  # by a word


def thinking_of(model: str) -> Thinking:
    """How a model is asked to think; one of an unknown name by a budget."""
    version = _version(model)
    if version is None:
        return Thinking.BUDGET
    if version >= (3, 0):
        return Thinking.LEVEL
    return Thinking.BUDGET if version >= (2, 5) else Thinking.NONE


def can_stop_thinking(model: str) -> bool:
    """Tell whether a model that thinks by a budget takes a budget of 0; Pro models always think."""
    return "pro" not in model.lower()


def wants_signatures(model: str) -> bool:
    """Tell whether a model refuses calls of tools, in the turn that goes on, without their signatures."""
    version = _version(model)
    return version is not None and version >= (3, 0)


def budget_of(effort: str | None, budget: int | None, max_tokens: int | None) -> int:
    """Tokens to think: those asked for, else by the effort, at most half of what the answer may have; -1: any."""
    if budget is not None:
        return budget
    wanted = _BUDGETS.get(effort or _DEFAULT, _BUDGETS[_DEFAULT])
    return wanted if max_tokens is None else min(wanted, max(max_tokens // 2, _LEAST_BUDGET))


def level_of(effort: str | None, budget: int | None, model: str) -> str:
    """The word for how hard to think; of a budget, that of the next lower one. Pro models have no `minimal`."""
    if effort is None and budget is not None and budget >= 0:
        effort = next((word for word in ("high", "medium", "low") if budget >= _BUDGETS[word]), "minimal")
    level = _LEVELS.get(effort or "high", _DEFAULT)
    return "low" if level == "minimal" and not can_stop_thinking(model) else level


def _version(model: str) -> tuple[int, int] | None:
    found = _VERSION.search(model.lower())
    return (int(found[1]), int(found[2] or 0)) if found else None
