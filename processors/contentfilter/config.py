"""The config of contentfilter, from environment variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gecholog.llm import payload_text
from gecholog.plugins import environment_error, load_plugin

Classify = Callable[[Sequence[str]], Mapping[str, Iterable[float]]]
"""Maps texts and a label to scores from 0 (not at all) to 1 (certainly), one or more per text.

All texts of a message are classified in one call, because many cost a model little more than one.
"""

_PROFANITY = "processors.contentfilter.profanity:load"
_THRESHOLD = "0.5"
_MAX_CHARACTERS = "1000000"
_ROLES = payload_text.USER
_STATUS = "200"
_OK = 200
_ERRORS = range(400, 600)


@dataclass(frozen=True, slots=True)
class Config:
    """The classifier, the score above which a text is toxic, and what is classified.

    The texts of `roles` in a request are classified. A message with more than `max_characters` is rejected. `status` is
    the status of the response to a toxic message. It is 200 in the original, which SDKs mistake for a response of the
    model.
    """

    classify: Classify
    threshold: float
    roles: frozenset[str]
    max_characters: int
    status: int = _OK

    @property
    def is_error(self) -> bool:
        """Whether a toxic message gets an error response."""
        return self.status != _OK


def from_environment(environ: Mapping[str, str]) -> Config:
    """Read CLASSIFIER, THRESHOLD, ROLES, MAX_CHARACTERS and STATUS_CODE. Raises ConfigError."""
    return Config(
        threshold=_threshold(environ.get("THRESHOLD") or _THRESHOLD),
        roles=_roles(environ.get("ROLES") or _ROLES),
        max_characters=_max_characters(environ.get("MAX_CHARACTERS") or _MAX_CHARACTERS),
        status=_status(environ.get("STATUS_CODE") or _STATUS),
        classify=load_plugin("CLASSIFIER", environ.get("CLASSIFIER") or _PROFANITY),
    )


def _threshold(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise environment_error("THRESHOLD", "must be a number from 0 to 1")
    return number


def _roles(text: str) -> frozenset[str]:
    roles = frozenset(part.strip() for part in text.split(","))
    if not roles <= payload_text.ROLES:
        raise environment_error("ROLES", f"must be a comma-separated list of: {', '.join(sorted(payload_text.ROLES))}")
    return roles


def _max_characters(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise environment_error("MAX_CHARACTERS", "must be a whole number above 0")
    return number


def _status(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number != _OK and number not in _ERRORS:
        raise environment_error("STATUS_CODE", "must be 200, or an error status from 400 to 599")
    return number
