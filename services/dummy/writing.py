"""What the dummy writes: the caller's words, once or as often as it takes. The same words always give the same text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from services.dummy import fields, tokens
from services.dummy.fields import Body


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a text may be: at most so many tokens, ending before any of `stops`, at least `chunks` tokens long."""

    most: int | None = None
    stops: tuple[str, ...] = ()
    chunks: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """A text in pieces, a token each or several, and why it ends where it does (`stop` or `length`)."""

    text: str
    pieces: tuple[str, ...]
    tokens: int
    finish_reason: str


def wanted(body: Body, chunks: int, *limits: str) -> Wanted:
    """What a request says about the text; `limits` are the fields that may hold its greatest length."""
    found = (fields.whole(body, name) for name in limits)
    return Wanted(next((limit for limit in found if limit is not None), None), fields.stops(body), chunks)


def write(prompt: str, wish: Wanted) -> Written:
    """An answer to `prompt`."""
    return _known(prompt, wish) if len(prompt) <= tokens.SHORT else _written(prompt, wish)


def _written(prompt: str, wish: Wanted) -> Written:
    parts = _long_enough(_sentence(prompt), wish.chunks)
    parts, reason = _before_stop(parts, wish.stops), "stop"
    if wish.most is not None and len(parts) > wish.most:
        parts, reason = parts[: wish.most], "length"
    return Written("".join(parts), tuple(_grouped(parts, wish.chunks)), len(parts), reason)


_known = lru_cache(maxsize=64)(_written)


def _sentence(prompt: str) -> str:
    words = prompt.strip()
    return f"You said: {words}" if words else "You said nothing."


def _long_enough(text: str, least: int) -> list[str]:
    """The tokens of `text`; when they are fewer than `least`, it is said again until they are that many."""
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
    """`parts` joined to so many pieces, of nearly the same number of tokens (0: one token each)."""
    if not 0 < chunks < len(parts):
        return parts
    bounds = [len(parts) * number // chunks for number in range(chunks + 1)]
    return ["".join(parts[start:end]) for start, end in pairwise(bounds)]
