"""Measures calls with large bodies: `python -m bench.large [--bodies 1m] [--connections 256] [--workers 2]`.

Calls go through nginx and through gl's default path in turn. The report has the calls per second of both, the CPU time
of each program per call, and the peak memory of gl. Exits with 1 if that exceeds `--most` MB, or if a call fails.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
from pathlib import Path

from bench import appliance, nginx
from bench.appliance import FULL, PAIR, ROUTE
from bench.calls import Records, cpu, middle
from bench.exchange import parse
from bench.load import Seen, Way, check, load
from bench.processes import HOST, Fleet, Program

_CALL = "{size}/v1/chat/completions"
_SHOWN = (FULL, PAIR, "nats-server", "nats2file", "nginx", "target", "wrk")


def run(options: argparse.Namespace) -> tuple[dict[str, list[Seen]], float]:
    """Measure all rounds. Return the results by path, and the peak memory of gl in MB."""
    results: dict[str, list[Seen]] = {}
    with Fleet() as fleet:
        target = nginx.start_target(fleet, (options.bodies.response,))
        proxy = nginx.start_proxy(fleet, target, target)
        running = appliance.start(fleet, target, target)
        port, program = (running.full, FULL) if options.workers == 1 else (running.pair, PAIR)
        records = Records(running.records)
        ways = [
            Way("nginx", "nginx", f"http://{HOST}:{proxy}/{_CALL}", "nginx"),
            Way("gl", "gl", f"http://{HOST}:{port}{ROUTE}{_CALL}", program),
        ]
        for way in ways:
            check(way, options.bodies)
        for _ in range(options.rounds):
            for way in ways:
                seen = load(fleet, way, options.bodies, options.connections, options.seconds)
                results.setdefault(way.key, []).append(seen)
                records.take()
        return results, peak(fleet.programs[program])


def peak(program: Program) -> float:
    """Return the peak memory of a program in MB, all its processes together."""
    return sum(_peak(pid) for pid in program.ids())


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--bodies", type=parse, default="1m", help="sizes of request and response, such as 100k/2k (1m)"
    )
    parser.add_argument("--connections", type=int, default=256, help="calls at a time (256)")
    parser.add_argument("--workers", type=int, choices=(1, 2), default=1, help="workers of gl (1)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over both paths (3)")
    parser.add_argument("--seconds", type=int, default=5, help="seconds of each measurement (5)")
    parser.add_argument("--most", type=float, default=600, help="memory limit of gl in MB (600)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the programs are stopped
    results, most = run(options)
    for name, seen in results.items():
        shown = ", ".join(f"{program} {cpu(seen, program):,.0f}" for program in _SHOWN if cpu(seen, program) >= 1)
        print(f"{name:6} {middle(seen, 'rate'):9,.1f} calls/s   p99 {middle(seen, 'p99'):,.0f} ms   us a call: {shown}")
    ratio = statistics.median(own.rate / base.rate for own, base in zip(results["gl"], results["nginx"], strict=True))
    failed = sum(seen.refused + seen.broken for each in results.values() for seen in each)
    print(f"ratio {ratio:.3f}, peak memory of gl {most:.0f} MB, {failed} calls failed")
    return 0 if most <= options.most and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
