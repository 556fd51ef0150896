"""The prompt cache of the dummy: remembers beginnings of prompts, so that a second request finds them cached."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

_MOST = 4096  # beginnings that are remembered


class PromptCache:
    """Remembers which beginnings of prompts it has seen. Those used least recently are forgotten."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def has(self, model: str, beginning: bytes) -> bool:
        """Tell whether a beginning has been seen."""
        key = _key(model, beginning)
        if key not in self._seen:
            return False
        self._seen.move_to_end(key)
        return True

    def add(self, model: str, beginning: bytes) -> None:
        """Remember a beginning."""
        self._seen[_key(model, beginning)] = None
        if len(self._seen) > _MOST:
            self._seen.popitem(last=False)


def _key(model: str, beginning: bytes) -> bytes:
    return hashlib.sha256(model.encode("utf-8", "surrogatepass") + b"\0" + beginning).digest()
