"""What the services left out of their configs, as short lines for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """`left out: router /a/, router /b/ (KEY is not set)`, a line for each reason, of a report as services write it."""
    found = {entry["entry"]: _reason(entry) for entry in report.get("left_out", ())}
    for reason in dict.fromkeys(found.values()):
        yield f"left out: {', '.join(entry for entry, why in found.items() if why == reason)} ({reason})"


def _reason(entry: Mapping[str, Any]) -> str:
    closed = f"; calls of {', '.join(entry['closes'])} are refused" if entry["closes"] else ""
    return f"{entry.get('reason') or 'no reason given'}{closed}"
