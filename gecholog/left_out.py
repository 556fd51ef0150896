"""The config entries that services left out, in a few words for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def phrases(left_out: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A phrase for each reason, as `router /a/, router /b/ (KEY is not set)`, from `left_out` in a service's report."""
    found = {entry["entry"]: _reason(entry) for entry in left_out}
    for reason in dict.fromkeys(found.values()):
        yield f"{', '.join(entry for entry, why in found.items() if why == reason)} ({reason})"


def _reason(entry: Mapping[str, Any]) -> str:
    closed = f"; calls of {', '.join(entry['closes'])} are refused" if entry.get("closes") else ""
    return f"{entry.get('reason') or 'no reason given'}{closed}"
