"""Entries of lists in config files that are left out alone, and the rule for reloads that follows from it. Pure.

A router, a token cap or a service with a wrong value is left out, and the others serve. That is right at the first
start, when nothing is in force. At a reload it would take away what is in force because of a slip: `refusals` says
which entries of a new file may not be left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gecholog.errors import Problem

Place = tuple[str, int]
"""The list that an entry is in, and its index there."""

Closes = Mapping[Place, tuple[str, ...]]
"""Entries that are left out → the routers whose calls are refused for want of them."""


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    """An entry of a list. `name` is empty if it has none that can be used; `shown` is what messages call it."""

    list: str
    name: str
    shown: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that is left out alone, why, and the routers whose calls are refused because of that.

    `said` is the name as the file has it, whether or not it can be used: no text for people. `is_unset`: nothing is
    wrong, but variables have no value in an entry that may do without.
    """

    entry: ConfigEntry
    problems: tuple[Problem, ...]
    closes: tuple[str, ...] = ()
    said: str = field(default="", repr=False)
    is_unset: bool = False

    @property
    def reason(self) -> str:
        """Why it is left out, in a few words: the variables that are not set, else the first of the problems."""
        unset = list(dict.fromkeys(name for problem in self.problems for name in problem.unset))
        if unset:
            return f"{', '.join(unset)} {'is' if len(unset) == 1 else 'are'} not set"
        return f"{self.problems[0].path} {self.problems[0].rule}" if self.problems else ""

    @property
    def report(self) -> dict[str, Any]:
        """The same as JSON, for other programs."""
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
    """What a config in force holds: its entries, and the routers that it closes."""

    entries: tuple[ConfigEntry, ...] = ()
    closed: frozenset[str] = frozenset()


def problem_report(problem: Problem) -> dict[str, Any]:
    """A problem as JSON."""
    return {"path": problem.path, "line": problem.line, "rule": problem.rule}


def consequence(shown: str, closes: Iterable[str]) -> str:
    """What follows from a wrong value in the entry that messages call `shown`."""
    closed = ", ".join(closes)
    return f"{shown} is left out" + (f", and calls of {closed} are refused (503)" if closed else "")


def refusals(new: InForce, left_out: Iterable[LeftOut], in_force: InForce) -> Iterator[Problem]:
    """What of a new config would be lost by leaving entries out: nothing may be, so these problems refuse the file.

    `new` is what the file holds without the entries that are `left_out`. An entry that the file does not mention is
    deleted, and that is allowed, unless an entry without a usable name might be the one.
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
        yield Problem(problem.path, problem.rule, problem.line, why, problem.unset)


def _lost(one: LeftOut, new: InForce, left: tuple[LeftOut, ...], in_force: InForce) -> list[ConfigEntry]:
    """The entries in force that `one` takes the place of, or may, and that no other entry replaces."""
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
