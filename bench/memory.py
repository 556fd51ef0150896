"""The memory test: RSS of gl after some calls and after many more, also with abandoned streams."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench import appliance
from bench.calls import Progress, Records
from bench.exchange import Exchange
from bench.load import Way, load
from bench.options import Options
from bench.processes import Fleet
from bench.streams import measure

_CONNECTIONS = 32
_BODIES = Exchange(1_000, 1_000)
_SLICE = 2  # seconds of plain calls between two batches of streams
_LEAVE_AFTER = 2  # chunks


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes of memory per program after `calls`, of which `abandoned` were streams that the client left."""

    calls: int
    abandoned: int
    rss: dict[str, int]


def run(
    fleet: Fleet, ways: tuple[Way, Way | None], options: Options, records: Records, progress: Progress
) -> list[Held]:
    """Send calls until both numbers in `options.calls` are reached.

    `ways` are the paths of calls and of streams. With a path of streams, some are abandoned after each round of calls.
    """
    calls, streams = ways
    held: list[Held] = []
    made = left = 0
    for wanted in options.calls:
        while made < wanted:
            made += load(fleet, calls, _BODIES, _CONNECTIONS, _SLICE).calls
            if streams is not None:
                leaving = measure.plan(streams, options, options.streams, _LEAVE_AFTER)
                left += measure.ask(fleet, replace(leaving, seconds=0.0)).streams
            fleet.settle()
            records.take()
            progress(f"{made + left:,} calls, gl holds {fleet.rss()[appliance.FULL] / 1e6:.1f} MB")
        held.append(Held(made + left, left, fleet.rss()))
    return held
