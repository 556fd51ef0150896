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
    """A text in pieces of one or more tokens, and the reason for its end (`stop` or `length`).

    `stop` is the stop sequence before which it ends, or None.
    """

    text: str
    pieces: tuple[str, ...]
    tokens: int
    finish_reason: str
    stop: str | None = None


def text_limits(body: JsonBody, chunks: int, *names: str) -> TextLimits:
    """Return the limits in a request. `names` are the fields that may contain the maximum length."""
    found = (fields.whole(body, name) for name in names)
    return TextLimits(next((limit for limit in found if limit is not None), None), fields.stops(body), chunks)


def generate(prompt: str, limits: TextLimits) -> GeneratedText:
    """Generate the response to `prompt`."""
    return _cached(prompt, limits) if len(prompt) <= tokens.MAX_CACHED else _generate(prompt, limits)


def _generate(prompt: str, limits: TextLimits) -> GeneratedText:
    return _cut(_long_enough(sentence(prompt), limits.chunks), limits)


_cached = lru_cache(maxsize=64)(_generate)


def cut(text: str, limits: TextLimits) -> GeneratedText:
    """Cut a text to its limits. It is never made longer, so it may have fewer chunks than asked for."""
    return _cut(tokens.split(text), limits)


def _cut(parts: list[str], limits: TextLimits) -> GeneratedText:
    (parts, stop), reason = _before_stop(parts, limits.stops), "stop"
    if limits.most is not None and len(parts) > limits.most:
        parts, reason, stop = parts[: limits.most], "length", None
    return GeneratedText("".join(parts), tuple(_grouped(parts, limits.chunks)), len(parts), reason, stop)


def sentence(prompt: str) -> str:
    """Return what the dummy says to a prompt, whatever the limits."""
    words = prompt.strip()
    return f"You said: {words}" if words else "You said nothing."


def _long_enough(text: str, least: int) -> list[str]:
    """Return the tokens of `text`, repeated until there are at least `least`."""
    parts = tokens.split(text)
    if len(parts) >= least:
        return parts
    again = tokens.split(f" {text}")
    return (parts + again * (least // len(again) + 1))[:least]


def _before_stop(parts: list[str], stops: tuple[str, ...]) -> tuple[list[str], str | None]:
    if not stops:
        return parts, None
    text = "".join(parts)
    ends = [(end, stop) for stop in stops if (end := text.find(stop)) >= 0]
    if not ends:
        return parts, None
    end, stop = min(ends)
    return tokens.split(text[:end]), stop


def _grouped(parts: list[str], chunks: int) -> list[str]:
    """Join tokens to `chunks` pieces of nearly equal size (0: one token each)."""
    if not 0 < chunks < len(parts):
        return parts
    bounds = [len(parts) * number // chunks for number in range(chunks + 1)]
    return ["".join(parts[start:end]) for start, end in pairwise(bounds)]
