"""Measures what stalled uploads cost the other clients: `python -m bench.uploads [--clients 10] [--mb 40]`.

Clients start uploads and stall, and one more client pipelines seven requests on one connection. Another process makes
small calls with and without them, in alternating rounds. The report has the 50th and 99th percentile of the small calls
in each state, the ratio of the 99th percentiles, and the peak memory of gl. Exits with 1 if the peak exceeds `--most`
MB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import appliance
from bench.appliance import ROUTE, STREAMS
from bench.bodies import serve
from bench.processes import HOST, Fleet, listens

if TYPE_CHECKING:
    from bench.processes import Program

MIB = 1024 * 1024
_AHEAD = 7  # requests that one client pipelines
_HEAD = "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Attack:
    """`clients` that announce a body of `size` bytes each and send half of it."""

    clients: int
    size: int

    def begin(self, port: int, opened: ExitStack) -> None:
        """Open all connections and start to send."""
        halves = [(1, self.size, self.size // 2)] * self.clients + [(_AHEAD, self.size // _AHEAD, None)]
        for times, size, sent in halves:
            head = _HEAD.format(path=f"{ROUTE}sink", size=size).encode("ascii")
            body = bytes(size if sent is None else sent)
            connection = opened.enter_context(socket.create_connection((HOST, port)))
            threading.Thread(target=_send, args=(connection, (head + body) * times), daemon=True).start()


def _send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except OSError:  # refused, or the attack has ended
        return


class Memory:
    """Records the peak memory of a program in bytes."""

    def __init__(self, program: Program) -> None:
        self.most = 0
        self._program = program
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self.most = max(self.most, self._program.rss())

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return self.most


def small_calls(port: int, pid: int, seconds: float) -> list[float]:
    """Make small calls for `seconds`, one every 5 ms. Return their latencies in milliseconds."""
    words = [sys.executable, "-m", "bench.bodies", "--probe", str(port), STREAMS, str(pid)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as prober:
        assert prober.stdout is not None
        assert prober.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        output, _ = prober.communicate(timeout=30)
    return [took for took, _ in json.loads(output)]


def run(attack: Attack, rounds: int, seconds: float) -> int:
    """Measure, and return the peak memory of gl in bytes."""
    with Fleet() as fleet:
        target, small = fleet.port(), fleet.port()
        for name, port in (("target", target), ("target of small calls", small)):
            fleet.start(name, [sys.executable, "-m", "bench.uploads", "--serve", str(port)], listens(port))
        port = appliance.start(fleet, target, small).full
        program = fleet.programs[appliance.FULL]
        pid, idle = program.process.pid, program.rss()
        small_calls(port, pid, 1)  # warm-up
        memory, quiet, beside = Memory(program), [], []
        for _ in range(rounds):
            quiet.append(small_calls(port, pid, seconds))
            with ExitStack() as opened:
                attack.begin(port, opened)
                time.sleep(1)
                beside.append(small_calls(port, pid, seconds))
            time.sleep(1)
        most = memory.stop()
    for name, taken in (("quiet", quiet), ("during the uploads", beside)):
        print(f"{name:20} p50 {_median(taken, 50):6.2f} ms   p99 {_median(taken, 99):6.2f} ms")
    print(f"ratio of p99         {_median(beside, 99) / _median(quiet, 99):6.2f}")
    print(f"memory of gl         {idle / MIB:6.0f} MB idle, {most / MIB:.0f} MB peak")
    return most


def _median(rounds: list[list[float]], percent: int) -> float:
    """Return a percentile as the median of the rounds."""
    return statistics.median(statistics.quantiles(each, n=100)[percent - 1] for each in rounds)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, default=10, help="clients that stall during an upload (10)")
    parser.add_argument("--mb", type=int, default=40, help="size of an upload in MB (40)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds per state (5)")
    parser.add_argument("--seconds", type=float, default=4, help="seconds per round (4)")
    parser.add_argument("--most", type=float, default=150, help="memory limit of gl in MB (150)")
    parser.add_argument("--serve", metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(int(options.serve), 0))
        return 0
    most = run(Attack(options.clients, options.mb * 1_000_000), options.rounds, options.seconds)
    return 1 if most > options.most * MIB else 0


if __name__ == "__main__":
    sys.exit(main())
