"""Formats the results as tables for the terminal and as Markdown. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from bench import appliance, calls
from bench.calls import Case, Results
from bench.exchange import Exchange
from bench.goals import Goal
from bench.load import Way
from bench.memory import Held
from bench.streams.measure import Streamed, added, middle

_SHARED = ("tokencounter", "nats-server", "nats2file", "target", "wrk")


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title and notes."""

    title: str
    head: tuple[str, ...]
    lines: list[tuple[str, ...]]
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        widths = [max(len(row[column]) for row in (self.head, *self.lines)) for column in range(len(self.head))]
        lines = [self.title, ""]
        for row in (self.head, *self.lines):
            cells = [row[0].ljust(widths[0])] + [
                cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
            ]
            lines.append("  ".join(cells))
        return "\n".join([*lines, *(["", *self.notes] if self.notes else [])])

    def markdown(self) -> str:
        rule = "|".join(["---", *["---:"] * (len(self.head) - 1)])
        lines = [f"### {self.title}", "", _line(self.head), f"|{rule}|", *map(_line, self.lines)]
        return "\n".join([*lines, *(["", *self.notes] if self.notes else [])])


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def of_calls(results: Results, ways: list[Way], bodies: Exchange) -> Table:
    """Return the table of all paths with these bodies."""
    times = ("p50 ms", "p99 ms", "max ms", "~40 ms")
    head = ("path", "conn.", "calls/s", "to (a)", *times, "own CPU", *_SHARED, "drain s", "other CPU", "errors")
    lines = [
        _row(results, case, way)
        for connections in sorted({case.connections for case in results if case.bodies == bodies})
        for way in ways
        if (case := Case(bodies, connections, way.key)) in results
    ]
    return Table(
        f"Calls, {bodies.name if bodies.request != bodies.response else bodies.name + ' each way'}", head, lines
    )


def _row(results: Results, case: Case, way: Way) -> tuple[str, ...]:
    slices = results[case]
    ratio = calls.ratio(results, case)
    stalls = sum(seen.stalls for seen in slices)
    errors = sum(seen.refused + seen.broken for seen in slices)
    return (
        _named(way),
        str(case.connections),
        f"{calls.middle(slices, 'rate'):,.0f}",
        "" if ratio is None else f"{ratio:.3f}",
        *(f"{calls.middle(slices, name):.2f}" for name in ("p50", "p99", "longest")),
        str(stalls),
        f"{calls.cpu(slices, way.program):.0f}",
        *(f"{calls.cpu(slices, program):.0f}" for program in _SHARED),
        f"{calls.middle(slices, 'lag'):.1f}",
        f"{calls.middle(slices, 'others'):.2f}",
        str(errors),
    )


_ADDITIONS = {
    "t": "token counter asked twice",
    "e": "one processor",
    "k": "key and limits",
    "u": "models",
    "w": "a worker",
}


def of_additions(results: Results) -> list[Table]:
    """Return what features cost: paths through gl compared with (b) in the same rounds."""
    lines = [
        _more(results, case, base)
        for case in sorted(results)
        if case.way in _ADDITIONS and (base := case._replace(way="b")) in results
    ]
    head = ("addition", "bodies", "conn.", "calls/s", "p50 ms", "gl CPU", "nats-server", appliance.PROCESSOR)
    notes = ["Calls: relative to (b). Times and CPU: minus (b), in milliseconds and microseconds per call."]
    return [Table("What additions cost", head, lines, notes)] if lines else []


def _more(results: Results, more: Case, base: Case) -> tuple[str, ...]:
    with_it, without = results[more], results[base]
    ratio = calls.ratio(results, more, base="b")
    program = {"e": appliance.MORE, "w": appliance.PAIR}.get(more.way, appliance.FULL)
    gl = calls.cpu(with_it, program) - calls.cpu(without, appliance.FULL)
    others = (calls.cpu(with_it, name) - calls.cpu(without, name) for name in ("nats-server", appliance.PROCESSOR))
    return (
        _ADDITIONS[more.way],
        more.bodies.name,
        str(more.connections),
        "" if ratio is None else f"{ratio:.2f}",
        f"{calls.middle(with_it, 'p50') - calls.middle(without, 'p50'):+.2f}",
        f"{gl:+.0f}",
        *(f"{other:+.0f}" for other in others),
    )


def of_streams(seen: dict[str, list[Streamed]], ways: list[Way]) -> Table:
    """Return the table of streams. The columns with a plus are relative to the upstream direct."""
    times = ("first p50", "+", "first p99", "+", "chunk p50", "+", "chunk p99", "+")
    head = ("path", *times, "max", "chunks", "lost", "reordered", "failed", "own CPU")
    direct = seen["direct"]
    lines = [_stream_row(way, seen[way.key], direct) for way in ways if way.key in seen]
    return Table("Streams (ms)", head, lines)


_STREAM_TIMES = ("first_p50", "first_p99", "delay_p50", "delay_p99")
_STREAM_COUNTS = ("chunks", "lost", "disordered", "failed")


def _stream_row(way: Way, runs: list[Streamed], direct: list[Streamed]) -> tuple[str, ...]:
    chunks = sum(run.result.chunks for run in runs)
    times: list[str] = []
    for name in _STREAM_TIMES:
        times.append(f"{middle(runs, name):.3f}" if chunks else "none")
        times.append(f"{added(runs, direct, name):+.3f}" if chunks and runs is not direct else "")
    counts = (str(sum(getattr(run.result, name) for run in runs)) for name in _STREAM_COUNTS)
    own = median(run.cpu.get(way.program, 0.0) for run in runs)
    return (_named(way), *times, f"{middle(runs, 'delay_max'):.1f}", *counts, f"{own:.0f}" if chunks else "")


def _named(way: Way) -> str:
    return f"({way.key}) {way.title}" if len(way.key) == 1 else way.title


def of_rss(rss: dict[str, int]) -> Table:
    """Return the memory of each program at the end."""
    lines: list[tuple[str, ...]] = [(name, f"{held / 1e6:.1f}") for name, held in rss.items()]
    return Table("Memory at the end of the run", ("program", "RSS MB"), lines)


def of_memory(title: str, held: list[Held]) -> Table:
    """Return the memory of each program after the first calls and after all."""
    first, last = held
    head = ("program", f"RSS MB after {first.calls:,}", f"after {last.calls:,}", "growth")
    lines: list[tuple[str, ...]] = [
        (name, f"{first.rss[name] / 1e6:.1f}", f"{bytes_ / 1e6:.1f}", f"{bytes_ / max(first.rss[name], 1) - 1:+.1%}")
        for name, bytes_ in last.rss.items()
    ]
    notes = [f"{last.abandoned:,} of the calls were streams that the client abandoned."] if last.abandoned else []
    return Table(title, head, lines, notes)


def of_goals(goals: list[Goal]) -> Table:
    """Return the table of goals and measurements."""
    lines: list[tuple[str, ...]] = [(goal.text, goal.wanted, goal.seen, "yes" if goal.met else "NO") for goal in goals]
    return Table("Performance goals", ("", "goal", "measured", "met"), lines)
