"""A cache of the ratings that classifiers gave to the text of requests."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

_MOST = 2048


class Ratings:
    """The latest ratings. Only hashes of the texts are stored."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, int] = OrderedDict()

    def get(self, classifier: str, text: str) -> int | None:
        """The cached rating of a text by a classifier, or None."""
        key = _key(classifier, text)
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    def put(self, classifier: str, text: str, rating: int) -> None:
        """Store a rating."""
        self._known[_key(classifier, text)] = rating
        if len(self._known) > _MOST:
            self._known.popitem(last=False)


def _key(classifier: str, text: str) -> bytes:
    return hashlib.sha256(f"{classifier}\0{text}".encode("utf-8", "surrogatepass")).digest()
