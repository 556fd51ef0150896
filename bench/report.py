"""Tables: for the terminal and as Markdown. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench import appliance, calls
from bench.calls import Case, Results
from bench.load import Way
from bench.memory import Held
from bench.options import size_name
from bench.streams.measure import Streamed

_SHARED = ("tokencounter", "nats-server", "nats2file", "target", "wrk")


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title, and what has to be said below it."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        widths = [max(len(row[column]) for row in (self.head, *self.rows)) for column in range(len(self.head))]
        lines = [self.title, ""]
        for row in (self.head, *self.rows):
            cells = [row[0].ljust(widths[0])] + [
                cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
            ]
            lines.append("  ".join(cells))
        return "\n".join([*lines, *(["", *self.notes] if self.notes else [])])

    def markdown(self) -> str:
        rule = "|".join(["---", *["---:"] * (len(self.head) - 1)])
        lines = [f"### {self.title}", "", _line(self.head), f"|{rule}|", *map(_line, self.rows)]
        return "\n".join([*lines, *(["", *self.notes] if self.notes else [])])


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def of_calls(results: Results, ways: list[Way], size: int) -> Table:
    """All ways with bodies of one size."""
    head = (
        "way",
        "conn.",
        "calls/s",
        "to (a)",
        "p50 ms",
        "p99 ms",
        "max ms",
        "~40 ms",
        "own CPU",
        *_SHARED,
        "others",
        "errors",
    )
    rows = [
        _row(results, case, way)
        for connections in sorted({case.connections for case in results if case.size == size})
        for way in ways
        if (case := Case(size, connections, way.key)) in results
    ]
    return Table(f"Calls, {size_name(size)} each way", head, rows)


def _row(results: Results, case: Case, way: Way) -> tuple[str, ...]:
    slices = results[case]
    ratio = calls.ratio(results, case)
    stalls = sum(seen.stalls for seen in slices)
    errors = sum(seen.refused + seen.broken for seen in slices)
    return (
        f"({way.key}) {way.title}" if len(way.key) == 1 else way.title,
        str(case.connections),
        f"{calls.middle(slices, 'rate'):,.0f}",
        "" if ratio is None else f"{ratio:.3f}",
        *(f"{calls.middle(slices, name):.2f}" for name in ("p50", "p99", "longest")),
        str(stalls),
        f"{calls.cpu(slices, way.program):.0f}",
        *(f"{calls.cpu(slices, program):.0f}" for program in _SHARED),
        f"{calls.middle(slices, 'others'):.2f}",
        str(errors),
    )


def of_streams(seen: dict[str, list[Streamed]], ways: list[Way]) -> Table:
    """All ways of streams; what they add to the target itself is in the columns with a plus."""
    head = (
        "way", "first p50", "+", "first p99", "chunk p50", "+", "chunk p99", "+", "max", "chunks", "lost", "disordered", "failed", "own CPU",
    )  # fmt: skip
    direct = seen["direct"]
    rows = [_stream_row(way, seen[way.key], direct) for way in ways if way.key in seen]
    return Table("Streams (ms)", head, rows)


def _stream_row(way: Way, runs: list[Streamed], direct: list[Streamed]) -> tuple[str, ...]:
    def plus(name: str) -> str:
        return "" if runs is direct else f"{added(runs, direct, name):+.3f}"

    def total(name: str) -> str:
        return str(sum(getattr(run.result, name) for run in runs))

    own = "" if runs is direct else f"{_median([run.cpu.get(way.program, 0.0) for run in runs]):.0f}"
    return (
        f"({way.key}) {way.title}" if len(way.key) == 1 else way.title,
        f"{_of(runs, 'first_p50'):.2f}", plus("first_p50"), f"{_of(runs, 'first_p99'):.2f}",
        f"{_of(runs, 'delay_p50'):.3f}", plus("delay_p50"), f"{_of(runs, 'delay_p99'):.2f}", plus("delay_p99"),
        f"{_of(runs, 'delay_max'):.1f}", total("chunks"), total("lost"), total("disordered"), total("failed"), own,
    )  # fmt: skip


def added(runs: list[Streamed], direct: list[Streamed], name: str) -> float:
    """What a way adds to the target itself: the median of the differences within the rounds."""
    pairs = zip(runs, direct, strict=True)
    return _median([getattr(own.result, name) - getattr(base.result, name) for own, base in pairs])


def _of(runs: list[Streamed], name: str) -> float:
    return _median([getattr(run.result, name) for run in runs])


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def of_rss(rss: dict[str, int]) -> Table:
    """What each program holds at the end."""
    rows = [(name, f"{held / 1e6:.1f}") for name, held in rss.items()]
    return Table("Memory at the end of the run", ("program", "RSS MB"), rows)


def of_memory(title: str, held: list[Held]) -> Table:
    """What each program holds after the first and after all calls."""
    first, last = held
    head = ("program", f"RSS MB after {first.calls:,}", f"after {last.calls:,}", "growth")
    rows = [
        (name, f"{first.rss[name] / 1e6:.1f}", f"{bytes_ / 1e6:.1f}", f"{bytes_ / max(first.rss[name], 1) - 1:+.1%}")
        for name, bytes_ in last.rss.items()
    ]
    notes = [f"{last.abandoned:,} of the calls were streams whose readers left."] if last.abandoned else []
    return Table(title, head, rows, notes)


@dataclass(frozen=True, slots=True)
class Aim:
    """Something that is asked of gl, and what was seen."""

    text: str
    wanted: str
    seen: str
    met: bool


def of_aims(aims: list[Aim]) -> Table:
    """What is asked, and what was seen."""
    rows = [(aim.text, aim.wanted, aim.seen, "yes" if aim.met else "NO") for aim in aims]
    return Table("What is asked of gl", ("", "wanted", "seen", "met"), rows)


def aims_of_calls(results: Results) -> list[Aim]:
    """Speed beside nginx, and what gl adds to a call that has the machine for itself (1 KB)."""
    aims: list[Aim] = []
    loaded = Case(1_000, 32, "b")
    if loaded in results and (ratio := calls.ratio(results, loaded)) is not None:
        aims.append(Aim("whole path, 32 connections, 1 KB: calls/s to nginx", ">= 0.08", f"{ratio:.3f}", ratio >= 0.08))
    alone, base = Case(1_000, 1, "b"), Case(1_000, 1, "direct")
    if alone in results and base in results:
        more = calls.middle(results[alone], "p99") - calls.middle(results[base], "p99")
        aims.append(Aim("whole path, 1 connection, 1 KB: added p99", "< 3 ms", f"{more:.2f} ms", more < 3))
        stalls = sum(seen.stalls for seen in results[alone])
        aims.append(Aim("the same: answers after 38 to 45 ms", "0", str(stalls), stalls == 0))
    return aims


def aims_of_streams(seen: dict[str, list[Streamed]]) -> list[Aim]:
    """What gl adds to streams, and that nothing gets lost."""
    runs, direct = seen["b"], seen["direct"]
    first, each = added(runs, direct, "first_p50"), added(runs, direct, "delay_p50")
    lost = sum(run.result.lost + run.result.disordered for run in runs)
    return [
        Aim("streams: added to the first chunk, p50", "< 2 ms", f"{first:.2f} ms", first < 2),
        Aim("streams: added to each chunk, p50", "< 0.5 ms", f"{each:.3f} ms", each < 0.5),
        Aim("streams: chunks lost, streams out of order", "0", str(lost), lost == 0),
    ]


def aim_of_memory(text: str, held: list[Held]) -> Aim:
    """Memory does not grow with calls."""
    first, last = held
    growth = last.rss[appliance.FULL] / first.rss[appliance.FULL] - 1
    return Aim(text, "within 10 %", f"{growth:+.1%}", abs(growth) <= 0.1)
