"""Measures streams through each path in turn."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench.load import Way
from bench.options import Options
from bench.processes import Fleet, listens
from bench.streams.client import Plan, Result

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Streamed:
    """The result of one run of the client, and the CPU time in microseconds per chunk by program."""

    result: Result
    cpu: dict[str, float]


def start_target(fleet: Fleet, options: Options) -> int:
    """Start the upstream for streams. Return its port."""
    port = fleet.port()
    words = [sys.executable, "-m", "bench.streams.target", "--port", str(port)]
    words += ["--chunks", str(options.chunks), "--interval-ms", str(options.interval_ms)]
    fleet.start("stream-target", words, listens(port), {"PYTHONPATH": str(ROOT)})
    return port


def measure(fleet: Fleet, way: Way, options: Options) -> Streamed:
    """Read all streams through one path to their end."""
    before = fleet.cpu()
    seen = ask(fleet, plan(way, options, options.streams))
    fleet.settle()
    after = fleet.cpu()
    cpu = {name: (after[name] - before[name]) / max(seen.chunks, 1) for name in after}
    return Streamed(seen, cpu)


def plan(way: Way, options: Options, streams: int, abandon_after: int = 0) -> Plan:
    """Return the plan for the client."""
    seconds = options.chunks * options.interval_ms / 1000
    return Plan(way.url, way.headers, way.model, streams, options.chunks, seconds, abandon_after)


def ask(fleet: Fleet, what: Plan) -> Result:
    """Run the client in its own process."""
    file = fleet.folder / "plan.json"
    file.write_text(json.dumps(asdict(what)))
    words = [sys.executable, "-m", "bench.streams.client", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    return Result(**json.loads(done.stdout))


def added(runs: list[Streamed], direct: list[Streamed], name: str) -> float:
    """Return what a path adds to the upstream direct, as the median of the differences within the rounds."""
    pairs = zip(runs, direct, strict=True)
    return float(median(getattr(own.result, name) - getattr(base.result, name) for own, base in pairs))


def middle(runs: list[Streamed], name: str) -> float:
    """Return the median of a figure over all rounds."""
    return float(median(getattr(run.result, name) for run in runs))
