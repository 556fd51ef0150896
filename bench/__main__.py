"""The benchmarks: `python -m bench`, or `make bench`. See README.md beside this file."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass, field
from types import FrameType

from bench import appliance, calls, goals, machine, memory, nginx, plot, report, tools
from bench.appliance import COUNTED, ECHO, FULL, LIMITED, MODEL, MODELS, MORE, OTHER, PAIR, ROUTE, STREAMS, Appliance
from bench.calls import Records
from bench.goals import Goal
from bench.load import Way
from bench.options import Options, parse
from bench.peers.found import peers
from bench.peers.targets import SMALL, Targets
from bench.processes import HOST, Fleet, NotReady
from bench.report import Table
from bench.streams import measure

_CALL = "{size}/v1/chat/completions"
_STREAM = "v1/chat/completions"
OURS = ("b", "w", "c", "d", "e", "k", "u")  # the ways through gl of this checkout


@dataclass(slots=True)
class Setup:
    """The running programs, and the paths through them."""

    appliance: Appliance
    records: Records
    calls: list[Way] = field(default_factory=list)
    streams: list[Way] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """The results to report."""

    tables: list[Table] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    plot: str | None = None  # SVG


def main() -> int:
    options = parse()
    if (complaint := tools.missing()) is not None:
        print(complaint, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _interrupt)
    described = [*machine.described(), f"at the start: {machine.loads()}"]
    say("\n".join(described))
    try:
        outcome = measured(options)
    except (NotReady, AssertionError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130
    outcome.tables.insert(0, report.of_goals(outcome.goals))
    described.append(f"at the end: {machine.loads()}")
    _tell(options, described, outcome)
    return 0


def measured(options: Options) -> Outcome:
    """Run the requested parts."""
    outcome = Outcome()
    if {"calls", "streams"} & set(options.parts):
        with Fleet() as fleet:
            setup = _set_up(fleet, options, with_peers=True)
            if "calls" in options.parts:
                _calls(fleet, setup, options, outcome)
            if "streams" in options.parts:
                _streams(fleet, setup, options, outcome)
            outcome.tables.append(report.of_rss(fleet.rss()))
    if "memory" in options.parts:
        _memory(options, outcome, abandoning=False)
        _memory(options, outcome, abandoning=True)
    return outcome


def _calls(fleet: Fleet, setup: Setup, options: Options, outcome: Outcome) -> None:
    results = calls.run(fleet, setup.calls, options, setup.records, say)
    outcome.goals += goals.of_calls(results)
    outcome.tables += [report.of_calls(results, setup.calls, bodies) for bodies in options.bodies]
    outcome.tables += report.of_additions(results)
    outcome.plot = plot.of_calls(results, setup.calls)
    through = sum(seen.calls for case, slices in results.items() if case.way in OURS for seen in slices)
    say(f"{through:,} calls through gl, {setup.records.written:,} records in the sink's file")


def _streams(fleet: Fleet, setup: Setup, options: Options, outcome: Outcome) -> None:
    seen: dict[str, list[measure.Streamed]] = {}
    for number in range(options.rounds):
        say(f"{options.streams} streams, round {number + 1} of {options.rounds}")
        for way in setup.streams:
            seen.setdefault(way.key, []).append(measure.measure(fleet, way, options))
    outcome.goals += goals.of_streams(seen)
    outcome.tables.append(report.of_streams(seen, setup.streams))


def _memory(options: Options, outcome: Outcome, *, abandoning: bool) -> None:
    title = "Memory, plain calls and abandoned streams" if abandoning else "Memory, plain calls"
    say(title)
    with Fleet() as fleet:
        setup = _set_up(fleet, options, with_peers=False)
        by_key = {way.key: way for way in setup.calls}
        streams = next(way for way in setup.streams if way.key == "b") if abandoning else None
        held = memory.run(fleet, (by_key["b"], streams), options, setup.records, say)
    outcome.goals.append(goals.of_memory(title, held))
    outcome.tables.append(report.of_memory(title, held))


def _set_up(fleet: Fleet, options: Options, *, with_peers: bool) -> Setup:
    """Start all programs."""
    target = nginx.start_target(fleet, tuple({SMALL.response, *(bodies.response for bodies in options.bodies)}))
    streams = measure.start_target(fleet, options)
    proxy = nginx.start_proxy(fleet, target, streams)
    running = appliance.start(fleet, target, streams)
    full, pair, more = (f"http://{HOST}:{port}" for port in (running.full, running.pair, running.more))
    setup = Setup(running, Records(running.records))
    key = {"Authorization": f"Bearer {running.key}"}
    setup.calls = [
        Way("direct", "upstream direct", f"http://{HOST}:{target}/{_CALL}", "target"),
        Way("a", "nginx", f"http://{HOST}:{proxy}/{_CALL}", "nginx"),
        Way("b", "gl, default path", f"{full}{ROUTE}{_CALL}", FULL),
        Way("w", "gl, two workers", f"{pair}{ROUTE}{_CALL}", PAIR),
        Way("c", "gl, token counter", f"{full}{COUNTED}{_CALL}", FULL),
        Way("d", "gl, /echo/", f"{full}{ECHO}{_CALL}", FULL, bodies=(SMALL,)),
        Way("e", "gl, one additional processor", f"{more}{ROUTE}{_CALL}", MORE, bodies=(SMALL,)),
        Way("k", "gl, key and limits", f"{full}{LIMITED}{_CALL}", FULL, key, bodies=(SMALL,)),
        Way("u", "gl, models", f"{full}{MODELS}", FULL, model=MODEL, bodies=(SMALL,)),
    ]
    setup.streams = [
        Way("direct", "upstream direct", f"http://{HOST}:{streams}/streams/{_STREAM}", "stream-target"),
        Way("a", "nginx", f"http://{HOST}:{proxy}/streams/{_STREAM}", "nginx"),
        Way("b", "gl, default path", f"{full}{STREAMS}{_STREAM}", FULL),
        Way("w", "gl, two workers", f"{pair}{STREAMS}{_STREAM}", PAIR),
    ]
    if options.against is not None:
        port = appliance.start_other(fleet, target, options.against.resolve())
        url = f"http://{HOST}:{port}{ROUTE}{_CALL}"
        setup.calls.append(Way("o", "other gl, its default path", url, OTHER, bodies=(SMALL,)))
    if with_peers:
        targets = Targets(f"http://{HOST}:{target}/{SMALL.response}/v1", f"http://{HOST}:{streams}/streams/v1")
        for start, place in peers(options):
            plain, streaming = start(fleet, place, targets)
            setup.calls.append(plain)
            setup.streams.append(streaming)
    if options.ways:
        setup.calls, setup.streams = (
            [way for way in ways if way.key in options.ways] for ways in (setup.calls, setup.streams)
        )
    return setup


def _tell(options: Options, described: list[str], outcome: Outcome) -> None:
    tables = outcome.tables
    print("\n\n".join(["", *(table.text() for table in tables)]))
    if options.markdown is not None:
        about = "  \n".join(described)
        options.markdown.write_text("\n\n".join([about, *(table.markdown() for table in tables)]) + "\n")
    if options.plot is not None and outcome.plot is not None:
        options.plot.write_text(outcome.plot)


def say(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
