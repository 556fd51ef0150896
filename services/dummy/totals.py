"""Totals of what the dummy has sent, by model: tests compare them with what a gateway has counted."""

from __future__ import annotations

from typing import Any

from gecholog import rawjson
from services.dummy.reply import Spent

PATH = "/dummy/totals"

_MOST_MODELS = 10_000
_OTHERS = "others"


class Totals:
    """Adds up the tokens of responses that were sent whole, and counts those that were broken off."""

    def __init__(self) -> None:
        self._by_model: dict[str, dict[str, int]] = {}

    def sent(self, spent: Spent) -> None:
        """A response was sent whole."""
        row = self._row(spent.model)
        row["requests"] += 1
        for name, number in spent.tokens().items():
            row[name] += number

    def broken_off(self, spent: Spent) -> None:
        """A response was not sent whole: the client left, or the request asked for that."""
        self._row(spent.model)["broken_off"] += 1

    def clear(self) -> None:
        """Begin at zero."""
        self._by_model.clear()

    def shown(self) -> bytes:
        """Return all totals as JSON."""
        return rawjson.dumps({"models": self._by_model})

    def _row(self, model: str) -> dict[str, Any]:
        name = model if model in self._by_model or len(self._by_model) < _MOST_MODELS else _OTHERS
        return self._by_model.setdefault(name, dict.fromkeys(("requests", "broken_off", *Spent("").tokens()), 0))
