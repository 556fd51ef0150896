"""The performance goals of gl, compared with the measurements. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from bench import appliance, calls
from bench.calls import Case, Results
from bench.memory import Held
from bench.streams.measure import Streamed, added

TO_NGINX = {"b": 0.15, "c": 0.1}  # of nginx's calls/s, by the path
ADDED_P99 = 0.8  # milliseconds
FIRST_CHUNK = 2.0  # milliseconds
EACH_CHUNK = 0.5  # milliseconds
GROWTH = 0.1  # of the memory held before

_SIZE = 1_000
_MANY = 32
_PATHS = {"b": "default path", "c": "token counter"}


@dataclass(frozen=True, slots=True)
class Goal:
    """A performance goal and its measurement."""

    text: str
    wanted: str
    seen: str
    met: bool


def of_calls(results: Results) -> list[Goal]:
    """Return the goals for throughput relative to nginx, and for the latency that gl adds to a single connection."""
    return [*_speed(results), *_alone(results)]


def _speed(results: Results) -> list[Goal]:
    goals: list[Goal] = []
    for way, wanted in TO_NGINX.items():
        case = Case(_SIZE, _MANY, way)
        if case in results and (ratio := calls.ratio(results, case)) is not None:
            text = f"{_PATHS[way]}, {_MANY} connections, 1 KB: calls/s relative to nginx"
            goals.append(Goal(text, f">= {wanted}", f"{ratio:.3f}", ratio >= wanted))
    return goals


def _alone(results: Results) -> list[Goal]:
    own, target = Case(_SIZE, 1, "b"), Case(_SIZE, 1, "direct")
    if own not in results or target not in results:
        return []
    more = calls.middle(results[own], "p99") - calls.middle(results[target], "p99")
    stalls = sum(seen.stalls for seen in results[own])
    return [
        Goal("default path, 1 connection, 1 KB: added p99", f"< {ADDED_P99} ms", f"{more:.2f} ms", more < ADDED_P99),
        Goal("the same: responses after 38 to 45 ms", "0", str(stalls), stalls == 0),
    ]


def of_streams(seen: dict[str, list[Streamed]]) -> list[Goal]:
    """Return the goals for the latency that gl adds to streams, and for lost chunks."""
    runs, direct = seen["b"], seen["direct"]
    first, each = added(runs, direct, "first_p50"), added(runs, direct, "delay_p50")
    lost = sum(run.result.lost + run.result.disordered for run in runs)
    return [
        Goal("streams: added to the first chunk, p50", f"< {FIRST_CHUNK} ms", f"{first:.2f} ms", first < FIRST_CHUNK),
        Goal("streams: added to each chunk, p50", f"< {EACH_CHUNK} ms", f"{each:.3f} ms", each < EACH_CHUNK),
        Goal("streams: chunks lost, streams out of order", "0", str(lost), lost == 0),
    ]


def of_memory(title: str, held: list[Held]) -> Goal:
    """Return the goal that memory does not grow with the number of calls."""
    first, last = held
    growth = last.rss[appliance.FULL] / first.rss[appliance.FULL] - 1
    text = f"{title}: RSS of gl, {first.calls:,} to {last.calls:,} calls"
    return Goal(text, f"within {GROWTH:.0%}", f"{growth:+.1%}", abs(growth) <= GROWTH)
