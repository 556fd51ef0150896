"""Puts load on one path with wrk, which repeats the same request and reports latencies."""

from __future__ import annotations

import http
import resource
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from bench import payloads, tools
from bench.exchange import Exchange
from bench.processes import Fleet, busy

# wrk has a histogram of all latencies in microseconds. A response that waited for a delayed acknowledgement (Linux:
# 40 ms) stands out in it.
_SCRIPT = """
local file = assert(io.open("{body}", "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
{headers}
function done(summary, latency)
    local stalls = 0
    for i = 1, #latency do
        local value, count = latency(i)
        if value >= 38000 and value < 45000 then stalls = stalls + count end
    end
    local e = summary.errors
    print(string.format("RESULT %d %d %d %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
        latency:percentile(99), latency.max, stalls, e.status, e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Way:
    """A path to the upstream that is measured.

    `url` contains `{size}` for the bytes of the response. `program` is the program under test. Empty `bodies` and
    `connections` mean all.
    """

    key: str
    title: str
    url: str
    program: str
    headers: dict[str, str] = field(default_factory=dict)
    model: str = payloads.MODEL
    bodies: tuple[Exchange, ...] = ()
    connections: tuple[int, ...] = ()

    def takes(self, bodies: Exchange, connections: int) -> bool:
        """Tell whether this path is measured with these bodies and this number of connections."""
        return (not self.bodies or bodies in self.bodies) and (not self.connections or connections in self.connections)


@dataclass(frozen=True, slots=True)
class Seen:
    """The result of one measurement.

    Latencies are in milliseconds. `stalls` counts responses that took 38 to 45 ms. `cpu` is in microseconds per call by
    program, `others` is the number of cores used by other programs, and `lag` the seconds of work left at the end.
    """

    calls: int
    rate: float
    p50: float
    p99: float
    longest: float
    stalls: int
    refused: int
    broken: int
    cpu: dict[str, float]
    others: float
    lag: float


def load(fleet: Fleet, way: Way, bodies: Exchange, connections: int, seconds: int) -> Seen:
    """Load one path for some seconds, then wait until all programs are idle, because that work counts too."""
    words = [tools.required("wrk"), "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "30"]
    words += ["-s", str(_script(fleet, way, bodies.request)), way.url.format(size=bodies.response)]
    before, began, whole, own = fleet.cpu(), time.monotonic(), busy(), _waited_for()
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    ended = time.monotonic()
    fleet.settle()
    settled = time.monotonic()
    after = fleet.cpu()
    cpu = {name: after[name] - before.get(name, 0.0) for name in after} | {"wrk": _waited_for() - own}
    others = max(busy() - whole - sum(cpu.values()), 0.0) / ((settled - began) * 1e6)
    return _seen(done.stdout, cpu, others, settled - ended)


def check(way: Way, bodies: Exchange) -> None:
    """Make one call to verify the path. Raises AssertionError with what came instead."""
    request = urllib.request.Request(  # noqa: S310 - our own http address
        way.url.format(size=bodies.response),
        data=payloads.question(bodies.request, way.model),
        headers={"Content-Type": "application/json"} | way.headers,
    )
    with _direct.open(request, timeout=60) as reply:
        body = reply.read()
        assert reply.status == http.HTTPStatus.OK, f"{way.title}: status {reply.status}"
        assert len(body) >= bodies.response * 0.9, f"{way.title}: {len(body)} bytes came instead of {bodies.response}"


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _script(fleet: Fleet, way: Way, size: int) -> Path:
    body = fleet.folder / f"question-{way.key}-{size}.json"
    body.write_bytes(payloads.question(size, way.model))
    headers = {"Content-Type": "application/json"} | way.headers
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    file = fleet.folder / f"wrk-{way.key}-{size}.lua"
    file.write_text(_SCRIPT.replace("{body}", str(body)).replace("{headers}", lines))
    return file


def _seen(output: str, cpu: dict[str, float], others: float, lag: float) -> Seen:
    line = next(line for line in output.splitlines() if line.startswith("RESULT "))
    calls, duration, p50, p99, longest, stalls, refused, broken = (int(text) for text in line.split()[1:])
    return Seen(
        calls=calls,
        rate=calls / (duration / 1e6),
        p50=p50 / 1000,
        p99=p99 / 1000,
        longest=longest / 1000,
        stalls=stalls,
        refused=refused,
        broken=broken,
        cpu={name: used / max(calls, 1) for name, used in cpu.items()},
        others=others,
        lag=lag,
    )


def _waited_for() -> float:
    """Return the CPU time of finished children in microseconds: the runs of wrk."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e6
