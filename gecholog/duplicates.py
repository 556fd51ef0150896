"""Values of a config file that must differ from each other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gecholog.positions import Path
    from gecholog.schema import Violation


def duplicates(values: Iterable[tuple[Path, Any]], rule: str) -> Iterator[Violation]:
    """Yield a violation of `rule` for each place whose value occurs more than once, so that all lines are shown.

    `values` are places in the file and their values, which must be hashable.
    """
    places: dict[Any, list[Path]] = {}
    for place, value in values:
        places.setdefault(value, []).append(place)
    for same in places.values():
        if len(same) > 1:
            yield from ((place, rule) for place in same)
