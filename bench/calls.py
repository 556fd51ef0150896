"""Measures plain calls: all paths in turn, round after round, so that a slow phase affects all of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from bench.exchange import Exchange
from bench.load import Seen, Way, check, load
from bench.options import Options
from bench.processes import Fleet

BASE = "a"  # the path that all others are compared with

Progress = Callable[[str], None]


class Case(NamedTuple):
    """One path under one load."""

    bodies: Exchange
    connections: int
    way: str


Results = dict[Case, list[Seen]]


class Records:
    """Counts the records of the file sink, and deletes them so that they do not fill the disk."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.written = 0

    def take(self) -> None:
        """Count the records and truncate the file. The sink appends, so it continues at the start."""
        if not self._file.exists():
            return
        with self._file.open("r+b") as file:
            while piece := file.read(1024 * 1024):
                self.written += piece.count(b"\n")
            file.truncate(0)


def run(fleet: Fleet, ways: list[Way], options: Options, records: Records, progress: Progress) -> Results:
    """Measure all paths under all loads."""
    results: Results = {}
    for bodies in options.bodies:
        for way in ways:
            if way.takes(bodies, options.connections[0]):
                check(way, bodies)
        for connections in options.connections:
            for number in range(options.rounds):
                progress(f"{bodies.name}, {connections} connections, round {number + 1} of {options.rounds}")
                for way in ways:
                    if way.takes(bodies, connections):
                        seen = load(fleet, way, bodies, connections, options.seconds)
                        records.take()
                        results.setdefault(Case(bodies, connections, way.key), []).append(seen)
    return results


def middle(slices: list[Seen], name: str) -> float:
    """Return the median of a figure over all rounds."""
    return float(statistics.median(map(attrgetter(name), slices)))


def cpu(slices: list[Seen], program: str) -> float:
    """Return the CPU time of a program in microseconds per call, as the median of all rounds."""
    return float(statistics.median(seen.cpu.get(program, 0.0) for seen in slices))


def ratio(results: Results, case: Case, base: str = BASE) -> float | None:
    """Return the calls relative to the path `base` in the same round, as a median. None without that path."""
    others = results.get(Case(case.bodies, case.connections, base))
    if not others:
        return None
    pairs = zip(results[case], others, strict=True)
    return statistics.median(own.rate / max(other.rate, 1e-9) for own, other in pairs)
