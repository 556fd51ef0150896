"""What the services left out of their configs, as short lines for people. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_UNSET = re.compile(r"environment variable (\w+), which is not set")


def reasons(report: Mapping[str, Any]) -> dict[str, str]:
    """Why each entry is left out, by its name for people (`router /a/`), from a report as services write it.

    Variables that are not set are named, and nothing else of such an entry: setting them is what is to be done.
    """
    return {entry["entry"]: _reason(entry) for entry in report.get("left_out", ())}


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """`left out: router /a/, router /b/ (KEY is not set)`, a line for each reason."""
    found = reasons(report)
    for reason in dict.fromkeys(found.values()):
        yield f"left out: {', '.join(entry for entry, why in found.items() if why == reason)} ({reason})"


def _reason(entry: Mapping[str, Any]) -> str:
    rules = [str(problem["rule"]) for problem in entry["problems"]]
    unset = list(dict.fromkeys(name for rule in rules for name in _UNSET.findall(rule)))
    closed = f"; calls of {', '.join(entry['closes'])} are refused" if entry["closes"] else ""
    if unset:
        return f"{', '.join(unset)} {'is' if len(unset) == 1 else 'are'} not set{closed}"
    return (f"{entry['problems'][0]['path']} {rules[0]}" if rules else "no reason given") + closed
