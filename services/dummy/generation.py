"""Generates text: the user's words, repeated as often as needed. Equal prompts give equal texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from services.dummy import fields, tokens
from services.dummy.fields import JsonBody


@dataclass(frozen=True, slots=True)
class TextLimits:
    """Limits of a text: at most `most` tokens, at least `chunks` tokens, and it ends before any of `stops`."""

    most: int | None = None
    stops: tuple[str, ...] = ()
    chunks: int = 0


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """A text in pieces of one or more tokens, and the reason for its end (`stop` or `length`)."""

    text: str
    pieces: tuple[str, ...]
    tokens: int
    finish_reason: str


def text_limits(body: JsonBody, chunks: int, *names: str) -> TextLimits:
    """Return the limits in a request. `names` are the fields that may contain the maximum length."""
    found = (fields.whole(body, name) for name in names)
    return TextLimits(next((limit for limit in found if limit is not None), None), fields.stops(body), chunks)


def generate(prompt: str, limits: TextLimits) -> GeneratedText:
    """Generate the response to `prompt`."""
    return _cached(prompt, limits) if len(prompt) <= tokens.MAX_CACHED else _generate(prompt, limits)


def _generate(prompt: str, limits: TextLimits) -> GeneratedText:
    parts = _long_enough(_sentence(prompt), limits.chunks)
    parts, reason = _before_stop(parts, limits.stops), "stop"
    if limits.most is not None and len(parts) > limits.most:
        parts, reason = parts[: limits.most], "length"
    return GeneratedText("".join(parts), tuple(_grouped(parts, limits.chunks)), len(parts), reason)


_cached = lru_cache(maxsize=64)(_generate)


def _sentence(prompt: str) -> str:
    words = prompt.strip()
    return f"You said: {words}" if words else "You said nothing."


def _long_enough(text: str, least: int) -> list[str]:
    """Return the tokens of `text`, repeated until there are at least `least`."""
    parts = tokens.split(text)
    if len(parts) >= least:
        return parts
    again = tokens.split(f" {text}")
    return (parts + again * (least // len(again) + 1))[:least]


def _before_stop(parts: list[str], stops: tuple[str, ...]) -> list[str]:
    if not stops:
        return parts
    text = "".join(parts)
    ends = [end for stop in stops if (end := text.find(stop)) >= 0]
    return tokens.split(text[: min(ends)]) if ends else parts


def _grouped(parts: list[str], chunks: int) -> list[str]:
    """Join tokens to `chunks` pieces of nearly equal size (0: one token each)."""
    if not 0 < chunks < len(parts):
        return parts
    bounds = [len(parts) * number // chunks for number in range(chunks + 1)]
    return ["".join(parts[start:end]) for start, end in pairwise(bounds)]
