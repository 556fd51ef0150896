"""The performance goals of gl, compared with the measurements. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from bench import appliance, calls
from bench.calls import Case, Results
from bench.exchange import Exchange
from bench.memory import Held
from bench.streams.measure import Streamed, added

FIRST_CHUNK = 2.0  # milliseconds
EACH_CHUNK = 0.5  # milliseconds
GROWTH = 0.1  # of the memory held before

_SMALL = Exchange(1_000, 1_000)
_LARGE = Exchange(100_000, 100_000)
_PROMPT = Exchange(100_000, 2_000)
_MANY = 32

# (path, bodies) → calls/s relative to nginx, with `_MANY` connections
_RATIOS = {("b", _SMALL): 0.15, ("c", _SMALL): 0.10, ("b", _PROMPT): 0.15, ("b", _LARGE): 0.10}
_PATHS = {"b": "default path", "c": "token counter"}
_ADDED_P99 = {_SMALL: 0.8, _LARGE: 3.0}  # milliseconds, one connection
_BUS_CPU = 1_000  # microseconds of nats-server per call with `_LARGE`
_LIMITS_CPU = 15  # microseconds of gl per call
_WORKERS = 0.1  # CPU per call of two workers, relative to one
_CHUNK_CPU = 30  # microseconds of gl per chunk of a stream


@dataclass(frozen=True, slots=True)
class Goal:
    """A performance goal and its measurement."""

    text: str
    wanted: str
    seen: str
    met: bool


def of_calls(results: Results) -> list[Goal]:
    """Return the goals for throughput relative to nginx, for added latency, and for CPU."""
    return [*_speed(results), *_alone(results), *_cpu(results)]


def _speed(results: Results) -> Iterator[Goal]:
    for (way, bodies), wanted in _RATIOS.items():
        case = Case(bodies, _MANY, way)
        ratio = calls.ratio(results, case) if case in results else None
        if ratio is not None:
            text = f"{_PATHS[way]}, {bodies.name}, {_MANY} connections: calls/s relative to nginx"
            yield Goal(text, f">= {wanted}", f"{ratio:.3f}", ratio >= wanted)


def _alone(results: Results) -> Iterator[Goal]:
    for bodies, wanted in _ADDED_P99.items():
        own, target = Case(bodies, 1, "b"), Case(bodies, 1, "direct")
        if own in results and target in results:
            more = calls.middle(results[own], "p99") - calls.middle(results[target], "p99")
            stalls = sum(seen.stalls for seen in results[own])
            text = f"default path, {bodies.name}, 1 connection"
            yield Goal(f"{text}: added p99", f"<= {wanted} ms", f"{more:.2f} ms", more <= wanted)
            yield Goal(f"{text}: responses after 38 to 45 ms", "0", str(stalls), stalls == 0)


def _cpu(results: Results) -> Iterator[Goal]:
    if (seen := results.get(Case(_LARGE, _MANY, "b"))) is not None:
        bus = calls.cpu(seen, "nats-server")
        yield Goal("CPU of nats-server per call of 100 KB", f"<= {_BUS_CPU} us", f"{bus:.0f} us", bus <= _BUS_CPU)
    one = results.get(Case(_SMALL, _MANY, "b"))
    if one is None:
        return
    plain = calls.cpu(one, appliance.FULL)
    if (seen := results.get(Case(_SMALL, _MANY, "k"))) is not None:
        limits = calls.cpu(seen, appliance.FULL) - plain
        yield Goal(
            "CPU of a key and limits per call", f"<= {_LIMITS_CPU} us", f"{limits:.0f} us", limits <= _LIMITS_CPU
        )
    if (seen := results.get(Case(_SMALL, _MANY, "w"))) is not None:
        more = calls.cpu(seen, appliance.PAIR) / plain - 1
        yield Goal("CPU per call with two workers, to one", f"within {_WORKERS:.0%}", f"{more:+.0%}", more <= _WORKERS)


def of_streams(seen: dict[str, list[Streamed]]) -> list[Goal]:
    """Return the goals for the latency that gl adds to streams, and for lost chunks."""
    runs, direct = seen["b"], seen["direct"]
    first, each = added(runs, direct, "first_p50"), added(runs, direct, "delay_p50")
    own = float(median(run.cpu.get(appliance.FULL, 0.0) for run in runs))
    lost = sum(run.result.lost + run.result.disordered for run in runs)
    return [
        Goal("streams: added to the first chunk, p50", f"< {FIRST_CHUNK} ms", f"{first:.2f} ms", first < FIRST_CHUNK),
        Goal("streams: added to each chunk, p50", f"< {EACH_CHUNK} ms", f"{each:.3f} ms", each < EACH_CHUNK),
        Goal("streams: CPU of gl per chunk", f"<= {_CHUNK_CPU} us", f"{own:.0f} us", own <= _CHUNK_CPU),
        Goal("streams: chunks lost, streams out of order", "0", str(lost), lost == 0),
    ]


def of_memory(title: str, held: list[Held]) -> Goal:
    """Return the goal that memory does not grow with the number of calls."""
    first, last = held
    growth = last.rss[appliance.FULL] / first.rss[appliance.FULL] - 1
    text = f"{title}: RSS of gl, {first.calls:,} to {last.calls:,} calls"
    return Goal(text, f"within {GROWTH:.0%}", f"{growth:+.1%}", abs(growth) <= GROWTH)
