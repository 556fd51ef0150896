"""Which routers are closed because an entry of the config is wrong: a cap that cannot hold must not be an open door.

Pure functions of the parts of a config file. `rejected` are the entries that are left out, by their places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gecholog.entries import Closes, Place
from gecholog.router_path import meant
from processors.tokencounter.usage import DEFAULT

CAPS, USAGE = "token_caps", "usage_fields"


def closes(values: Mapping[str, Any], rejected: Mapping[Place, Any]) -> Closes:
    """The routers that each rejected entry closes.

    A cap closes its router. A usage entry closes the capped routers that it was to count: its own, or for `default`
    those without an entry. One whose router cannot be told may be that of any router without an entry.
    """
    wrong = {place: _router(entry) for place, entry in rejected.items()}
    caps = {entry["router"] for entry in values.get(CAPS, ()) if has_cap(entry)}
    counted = {entry["router"] for entry in values.get(USAGE, ())}
    closed: dict[Place, tuple[str, ...]] = {}
    for place, router in wrong.items():
        if place[0] == CAPS:
            closed[place] = (router,) if router else ()
        else:
            own = {other for (name, _), other in wrong.items() if name == USAGE}
            closed[place] = tuple(sorted(_uncounted(router, caps - counted, own, has_default=DEFAULT in counted)))
    return closed


def _uncounted(router: str, capped: set[str], own: set[str], *, has_default: bool) -> Iterator[str]:
    """The routers among those with a cap and no usage entry that wait for this wrong one."""
    if router in capped:
        yield router
    elif router == DEFAULT and not has_default:
        yield from capped - own
    elif not router:
        yield from capped


def has_cap(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry of `token_caps` caps anything: 0 is no cap."""
    return any(item.get("value", 0) > 0 for item in entry["fields"])


def _router(entry: Mapping[str, Any]) -> str:
    """The router that an entry is for, as far as that can be told; empty if it cannot."""
    said = entry.get("router", "").strip()
    return DEFAULT if said.lower() == DEFAULT else meant(said)
