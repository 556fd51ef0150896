"""Invalid entries of lists in config files, and when a file is valid without them. Pure.

A router, a token cap or a service with an invalid value is left out, and the others serve. That is right at the first
start, when nothing is in force yet. On a reload it would remove an entry in force because of a typing error, so
`refusals` names the entries of a new file that must not be left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gecholog.environment import FILE, SECRET, bare
from gecholog.environment import unset as no_value
from gecholog.errors import Problem

ListPosition = tuple[str, int]
"""The name of the list that an entry is in, and its index there."""

Closes = Mapping[ListPosition, tuple[str, ...]]
"""For entries that are left out: the routers whose calls are refused because of that."""


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    """An entry of a list. `name` is empty if it has no valid name; `shown` is what messages call it."""

    list: str
    name: str
    shown: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that is left out, the problems with it, and the routers whose calls are refused because of that.

    `said` is the name as written in the file, valid or not; it may be a secret. `is_unset` is True if the entry is left
    out only because optional variables have no value.
    """

    entry: ConfigEntry
    problems: tuple[Problem, ...]
    closes: tuple[str, ...] = ()
    said: str = field(default="", repr=False)
    is_unset: bool = False

    @property
    def reason(self) -> str:
        """Why it is left out, in a few words: the variables that are not set, or else the first problem."""
        unset = list(dict.fromkeys(name for problem in self.problems for name in problem.unset))
        if unset and not any(name.startswith((FILE, SECRET)) for name in unset):
            return f"{', '.join(unset)} {'is' if len(unset) == 1 else 'are'} not set"
        if unset:
            return ", ".join(f"{bare(name)} {no_value(name)}" for name in unset)
        return f"{self.problems[0].path} {self.problems[0].rule}" if self.problems else ""

    @property
    def report(self) -> dict[str, Any]:
        """The entry as JSON, for other programs."""
        return {
            "list": self.entry.list,
            "name": self.entry.name,
            "entry": self.entry.shown,
            "reason": self.reason,
            "closes": list(self.closes),
            "problems": [problem_report(problem) for problem in self.problems],
        }


@dataclass(frozen=True, slots=True)
class InForce:
    """A config in force: its entries, and the routers that it closes."""

    entries: tuple[ConfigEntry, ...] = ()
    closed: frozenset[str] = frozenset()


def problem_report(problem: Problem) -> dict[str, Any]:
    """A problem as JSON."""
    return {"path": problem.path, "line": problem.line, "rule": problem.rule}


def consequence(shown: str, closes: Iterable[str]) -> str:
    """The sentence about what follows from an invalid value in the entry that messages call `shown`."""
    closed = ", ".join(closes)
    return f"{shown} is left out" + (f", and calls of {closed} are refused (503)" if closed else "")


def refusals(new: InForce, left_out: Iterable[LeftOut], in_force: InForce) -> Iterator[Problem]:
    """The problems that make a new file invalid because something in force would be lost with the entries left out.

    `new` is the content of the file without the entries in `left_out`. An entry that the file does not mention is
    deleted, which is allowed, unless an invalid entry without a name may stand for it.
    """
    left = tuple(left_out)
    for one in left:
        lost = _lost(one, new, left, in_force)
        if lost:
            shown = ", ".join(entry.shown for entry in lost)
            yield from _refused(one, f"{shown} is in force now and would be lost")
        elif closed := _newly_closed(one, in_force):
            yield from _refused(one, f"calls of {', '.join(closed)}, which are served now, would be refused")


def _refused(one: LeftOut, why: str) -> Iterator[Problem]:
    for problem in one.problems:
        yield replace(problem, consequence=why)


def _lost(one: LeftOut, new: InForce, left: tuple[LeftOut, ...], in_force: InForce) -> list[ConfigEntry]:
    """The entries in force that `one` replaces, or may replace, and that no other entry replaces."""
    kept = _names(new.entries, one.entry.list)
    lost = [entry for entry in in_force.entries if entry.list == one.entry.list and entry.name not in kept]
    if one.entry.name:
        return [entry for entry in lost if entry.name == one.entry.name]
    named = _names((other.entry for other in left), one.entry.list)
    return [entry for entry in lost if entry.name not in named]


def _newly_closed(one: LeftOut, in_force: InForce) -> list[str]:
    known = {entry.name for entry in in_force.entries}
    return [router for router in one.closes if router in known and router not in in_force.closed]


def _names(entries: Iterable[ConfigEntry], name: str) -> set[str]:
    return {entry.name for entry in entries if entry.list == name}
