"""Plain calls: every way in turn, round after round, so that a bad moment of the machine hits all of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from bench.load import Seen, Way, check, load
from bench.options import Options, size_name
from bench.processes import Fleet

BASE = "a"  # the way that all others are compared with

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One way under one load."""

    size: int
    connections: int
    way: str


Results = dict[Case, list[Seen]]


class Records:
    """The records that the file sink writes: counted, and thrown away so that they do not fill the disk."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.written = 0

    def take(self) -> None:
        """Count what is there and empty the file (the sink appends, so it goes on at the beginning)."""
        if not self._file.exists():
            return
        with self._file.open("r+b") as file:
            while piece := file.read(1024 * 1024):
                self.written += piece.count(b"\n")
            file.truncate(0)


def run(fleet: Fleet, ways: list[Way], options: Options, records: Records, say: Say) -> Results:
    """Measure all ways under all loads."""
    results: Results = {}
    for size in options.sizes:
        for way in ways:
            if way.takes(size, options.connections[0]):
                check(way, size)
        for connections in options.connections:
            for number in range(options.rounds):
                say(f"{size_name(size)}, {connections} connections, round {number + 1} of {options.rounds}")
                for way in ways:
                    if way.takes(size, connections):
                        seen = load(fleet, way, size, connections, options.seconds)
                        records.take()
                        results.setdefault(Case(size, connections, way.key), []).append(seen)
    return results


def middle(slices: list[Seen], name: str) -> float:
    """The median of one figure over all rounds."""
    return float(statistics.median(map(attrgetter(name), slices)))


def cpu(slices: list[Seen], program: str) -> float:
    """Microseconds a call that one program computed, the median over all rounds."""
    return float(statistics.median(seen.cpu.get(program, 0.0) for seen in slices))


def ratio(results: Results, case: Case, base: str = BASE) -> float | None:
    """How many calls come through for one on the way `base`, in the same round; the median. None without that way."""
    others = results.get(Case(case.size, case.connections, base))
    if not others:
        return None
    pairs = zip(results[case], others, strict=True)
    return statistics.median(own.rate / max(other.rate, 1e-9) for own, other in pairs)
