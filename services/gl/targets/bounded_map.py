"""A map of limited size: if it is full, the value that was not written for the longest time is dropped."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

MOST = 4096  # clients may name any model


class BoundedMap(Generic[T]):
    """Values by their keys, at most `most` of them."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._values: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str) -> T | None:
        """The value of a key, or None."""
        return self._values.get(key)

    def items(self) -> Iterator[tuple[str, T]]:
        """All keys with their values, the one that was written last at the end."""
        return iter(list(self._values.items()))

    def keys(self) -> list[str]:
        """All keys."""
        return list(self._values)

    def pop(self, key: str) -> T | None:
        """Remove a key, and return its value, or None."""
        return self._values.pop(key, None)

    def __setitem__(self, key: str, value: T) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)

    def __len__(self) -> int:
        return len(self._values)
