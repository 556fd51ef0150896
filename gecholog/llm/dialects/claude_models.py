"""What Claude's models can do about thinking, and how much they may say, by their names.

Sources: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking and
https://docs.anthropic.com/en/docs/about-claude/models/overview.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

LEAST_BUDGET = 1024  # tokens, the least that the API takes
_BUDGETS = {"minimal": 1024, "low": 4096, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 32768}
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "max", "max": "max"}
_ALWAYS_THINKING = ("fable", "mythos")
_DEFAULT_EFFORT = "medium"
_DEFAULT_LIMIT = 4096
# `claude-3-5-sonnet`, `claude-sonnet-4-5-20250929`, `claude-fable-5`, with anything before it
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?![\d])")


class ThinkingKind(Enum):
    """How a model is asked to think."""

    NONE = "none"
    BUDGET = "budget"  # with a number of tokens
    ADAPTIVE = "adaptive"  # as much as it likes, by an effort


class Unasked(Enum):
    """Whether a model thinks that is not asked to."""

    NEVER = "never"
    UNLESS_DISABLED = "unless disabled"
    ALWAYS = "always"


class Version(NamedTuple):
    """The version in a model's name."""

    major: int
    minor: int


def version_of(model: str) -> Version | None:
    """The version of a Claude model; None if its name tells none."""
    found = _VERSION.search(model.lower())
    return Version(int(found[1]), int(found[2] or 0)) if found else None


def thinking_of(model: str) -> ThinkingKind:
    """How a model is asked to think; one of an unknown name by a budget."""
    version = version_of(model)
    if version is None:
        return ThinkingKind.BUDGET
    if version >= (4, 6):
        return ThinkingKind.ADAPTIVE
    return ThinkingKind.BUDGET if version >= (3, 7) else ThinkingKind.NONE


def unasked_of(model: str) -> Unasked:
    """Whether a model thinks that is not asked to."""
    if any(name in model.lower() for name in _ALWAYS_THINKING):
        return Unasked.ALWAYS
    version = version_of(model)
    return Unasked.UNLESS_DISABLED if version is not None and version >= (5, 0) else Unasked.NEVER


def omits_thoughts(model: str) -> bool:
    """Tell whether a model leaves the text of its thoughts out unless it is asked for: those since Opus 4.7."""
    version = version_of(model)
    return version is not None and version >= (4, 7)


def output_limit(model: str) -> int:
    """Tokens that an answer may have if nobody says how many."""
    version = version_of(model)
    if version is None or version < (3, 5):
        return _DEFAULT_LIMIT
    if version < (3, 7):
        return 8192
    if "opus" in model.lower() and version < (4, 5):
        return 32000
    return 64000


def budget_of(effort: str | None, budget: int | None) -> int:
    """Tokens to think: those asked for, at least the least that there are, else by the effort."""
    if budget is not None and budget > 0:
        return max(budget, LEAST_BUDGET)
    return _BUDGETS.get(effort or _DEFAULT_EFFORT, _BUDGETS[_DEFAULT_EFFORT])


def effort_of(effort: str | None, budget: int | None) -> str | None:
    """The word for how hard to think; of a budget, that of the next lower one. None: as the model likes."""
    if effort is not None:
        return _EFFORTS.get(effort, _DEFAULT_EFFORT)
    if budget is None or budget < 0:
        return None
    fitting = [word for word, tokens in _BUDGETS.items() if tokens <= max(budget, LEAST_BUDGET)]
    return _EFFORTS[fitting[-1]]
