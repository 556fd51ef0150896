"""Decides which routers are closed because a config entry is invalid, so that a broken cap never leaves a router open.

Pure functions of the parts of a config file. `rejected` contains the entries that are skipped, by their places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gecholog.entries import Closes, ListPosition
from gecholog.router_path import meant
from processors.tokencounter.usage import DEFAULT

CAPS, USAGE = "token_caps", "usage_fields"


def closes(values: Mapping[str, Any], rejected: Mapping[ListPosition, Any]) -> Closes:
    """Return the routers that each rejected entry closes.

    A cap closes its router. A usage entry closes the capped routers that it should count: its own, or for `default`
    those without an entry. An entry without a recognisable router closes every capped router without an entry.
    """
    wrong = {place: _router(entry) for place, entry in rejected.items()}
    caps = {entry["router"] for entry in values.get(CAPS, ()) if has_cap(entry)}
    counted = {entry["router"] for entry in values.get(USAGE, ())}
    closed: dict[ListPosition, tuple[str, ...]] = {}
    for place, router in wrong.items():
        if place[0] == CAPS:
            closed[place] = (router,) if router else ()
        else:
            own = {other for (name, _), other in wrong.items() if name == USAGE}
            closed[place] = tuple(sorted(_dependents(router, caps - counted, own, has_default=DEFAULT in counted)))
    return closed


def _dependents(router: str, capped: set[str], own: set[str], *, has_default: bool) -> Iterator[str]:
    """Yield the capped routers without a usage entry that depend on this invalid one."""
    if router in capped:
        yield router
    elif router == DEFAULT and not has_default:
        yield from capped - own
    elif not router:
        yield from capped


def has_cap(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry of `token_caps` caps anything. 0 is no cap."""
    return any(item.get("value", 0) > 0 for item in entry["fields"])


def _router(entry: Mapping[str, Any]) -> str:
    """Return the router that an entry is meant for, or an empty string if it cannot be recognised."""
    said = entry.get("router", "").strip()
    return DEFAULT if said.lower() == DEFAULT else meant(said)
