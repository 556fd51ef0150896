"""What contentfilter is told by its environment."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gecholog.llm import payload_text
from gecholog.plugins import environment_error, load_plugin

Classify = Callable[[Sequence[str]], Mapping[str, Iterable[float]]]
"""Texts → label → scores, from 0 (not at all) to 1 (certainly): of each text one, or of each of its parts.

All texts of a message in one call: to a model, many cost little more than one.
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

    `roles` are those whose texts of a request are classified; a message with more than `max_characters` is not.
    `status` is that of the response to a toxic message; 200 is the original's, which SDKs take for the model's.
    """

    classify: Classify
    threshold: float
    roles: frozenset[str]
    max_characters: int
    status: int = _OK

    @property
    def is_error(self) -> bool:
        """Whether a toxic message is answered with an error."""
        return self.status != _OK


def from_environment(environ: Mapping[str, str]) -> Config:
    """The config that CLASSIFIER, THRESHOLD, ROLES, MAX_CHARACTERS and STATUS_CODE make. Raises ConfigError."""
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
