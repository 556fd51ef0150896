"""Memory: what gl holds after some calls, and after many more. With streams whose readers leave, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench import appliance
from bench.calls import Records
from bench.load import Way, load
from bench.options import Options
from bench.processes import Fleet
from bench.streams import measure

_CONNECTIONS = 32
_SIZE = 1_000
_SLICE = 2  # seconds of plain calls between two batches of streams
_LEAVE_AFTER = 2  # chunks

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes that each program holds after so many calls, `abandoned` of them streams whose readers left."""

    calls: int
    abandoned: int
    rss: dict[str, int]


def run(fleet: Fleet, ways: tuple[Way, Way | None], options: Options, records: Records, say: Say) -> list[Held]:
    """Send calls until both numbers of `options.calls` are reached.

    `ways` are those of calls and of streams; if there is one of streams, some are abandoned after each slice of calls.
    """
    calls, streams = ways
    held: list[Held] = []
    made = left = 0
    for wanted in options.calls:
        while made < wanted:
            made += load(fleet, calls, _SIZE, _CONNECTIONS, _SLICE).calls
            if streams is not None:
                leaving = measure.plan(streams, options, options.streams, _LEAVE_AFTER)
                left += measure.ask(fleet, replace(leaving, seconds=0.0)).streams
            fleet.settle()
            records.take()
            say(f"{made + left:,} calls, gl holds {fleet.rss()[appliance.FULL] / 1e6:.1f} MB")
        held.append(Held(made + left, left, fleet.rss()))
    return held
