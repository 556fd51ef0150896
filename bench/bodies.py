"""Measures how long other calls wait for a large body: `python -m bench.bodies [--mb 51] [--rounds 5]`.

While a large body passes through gl, as a request or as a response, another process makes small calls, one every 5 ms.
Their latency shows how long the event loop was blocked, and how busy the machine was. The same body sent to the
upstream directly shows the latter alone. The last two columns exclude the time that gl's thread was ready and waited
for a core, as reported by the kernel. Small calls through the default processors also wait for the token counter, which
reads responses of up to 8 MB. Exits with 1 if a call waited longer than `--most` milliseconds, in the median of the
rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import select
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench import appliance
from bench.appliance import ROUTE, STREAMS
from bench.processes import HOST, Fleet, listens

EVERY = 0.005  # seconds
AROUND = 0.3  # seconds of small calls before a large body, and after it
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LargeBody:
    """A large body: the request that contains it, or that asks for it."""

    name: str
    method: str
    path: str
    headers: str = ""
    body: bytes = b""

    def request(self, prefix: str) -> bytes:
        """Return the whole request below the path of a router."""
        head = f"{self.method} {prefix}{self.path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n{self.headers}"
        return f"{head}Content-Length: {len(self.body)}\r\n\r\n".encode("ascii") + self.body


def document(size: int) -> bytes:
    """Return JSON of about `size` bytes: strings and numbers, as in chats and embeddings."""
    chance = random.Random(1)
    rows = [
        {"text": f"row {n} " + "lorem ipsum " * 30, "vector": [chance.random() for _ in range(20)]} for n in range(200)
    ]
    part = json.dumps(rows)[1:-1]
    rest = '"usage":{"prompt_tokens":40,"completion_tokens":9}}'
    return f'{{"model":"m","data":[{",".join([part] * max(1, size // len(part)))}],{rest}'.encode("ascii")


def one_event(size: int) -> bytes:
    """Return a stream of one event with a line of about `size` bytes."""
    delta = {"role": "assistant", "content": "x" * size}
    chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}
    return b"data: " + json.dumps(chunk).encode("ascii") + b"\n\ndata: [DONE]\n\n"


def large_bodies(size: int) -> list[LargeBody]:
    """Return all bodies to measure."""
    plain, kind = document(size), "Content-Type: application/json\r\n"
    packed = gzip.compress(plain, 1)
    return [
        LargeBody("request, JSON", "POST", "sink", kind, plain),
        LargeBody("request, JSON with gzip", "POST", "sink", f"{kind}Content-Encoding: gzip\r\n", packed),
        LargeBody("response, JSON", "GET", "json"),
        LargeBody("response, JSON with gzip", "GET", "gzip"),
        LargeBody("response, SSE in one line", "GET", "sse"),
        LargeBody("response, 12 MB of SSE in one line", "GET", "image"),
        LargeBody("response, 7 MB of JSON", "GET", "middle"),
    ]


# -------------------------------------------------------------------- the upstream


async def serve(port: int, size: int) -> None:
    """Serve as upstream: accept any request, and respond with what the end of the path names."""
    plain = document(size)
    kind = "Content-Type: application/json\r\n"
    answers = {
        "json": (kind, plain),
        "gzip": (f"{kind}Content-Encoding: gzip\r\n", gzip.compress(plain, 1)),
        "sse": ("Content-Type: text/event-stream\r\n", one_event(size)),
        "image": ("Content-Type: text/event-stream\r\n", one_event(12 * MIB)),
        "middle": (kind, document(7 * MIB)),
    }

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                left = int((head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]) or 0)
                while left > 0:
                    left -= len(await reader.read(min(left, MIB)))
                name = head.split(b" ", 2)[1].rpartition(b"/")[2].decode("ascii")
                fields, body = answers.get(name, (kind, b"{}"))
                writer.write(f"HTTP/1.1 200 OK\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(talk, HOST, port, limit=MIB) as server:
        await server.serve_forever()


# ---------------------------------------------------------------- the small calls


def probe(port: int, path: str, gateway: int) -> None:
    """Make small calls on one connection until standard input ends, then write their latencies in milliseconds.

    Each is a pair: the latency, and the latency without the time that the process `gateway` waited for a core.
    """
    request = f"GET {path}small HTTP/1.1\r\nHost: bench\r\n\r\n".encode("ascii")
    times: list[tuple[float, float]] = []
    with socket.create_connection((HOST, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        due = time.monotonic()
        while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
            start, waited = time.monotonic(), waits(gateway)
            connection.sendall(request)
            if not connection.recv(65536):
                raise ConnectionError("the gateway closed the connection")
            took = 1000 * (time.monotonic() - start)
            times.append((took, took - (waits(gateway) - waited)))
            if len(times) == 1:
                print("ready", flush=True)
            due = max(due + EVERY, time.monotonic())
    json.dump(times, sys.stdout)


def waits(pid: int) -> float:
    """Return the milliseconds that the main thread of a process was ready to run and waited for a core."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text("ascii").split()[1]) / 1_000_000


# --------------------------------------------------------------------- measuring


@dataclass(frozen=True, slots=True)
class Waits:
    """Latencies in milliseconds: of a large body, and of the small calls during it."""

    large: float
    median: float
    most: float
    own: float  # the longest, without gl's waits for a core


@dataclass(frozen=True, slots=True)
class Gateway:
    """A measured gl."""

    name: str
    port: int
    pid: int


def measure(large_body: LargeBody, port: int, prefix: str, gateway: Gateway) -> Waits:
    """Send one large body to `port` while small calls go to a gateway."""
    words = [sys.executable, "-m", "bench.bodies", "--probe", str(gateway.port), STREAMS, str(gateway.pid)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as prober:
        assert prober.stdout is not None
        assert prober.stdout.readline() == b"ready\n"
        time.sleep(AROUND)
        start = time.monotonic()
        exchange(port, large_body.request(prefix))
        large = time.monotonic() - start
        time.sleep(AROUND)  # the record is written after the response
        output, _ = prober.communicate(timeout=30)
    took, own = zip(*json.loads(output), strict=True)
    return Waits(1000 * large, statistics.median(took), max(took), max(own))


def exchange(port: int, request: bytes) -> None:
    """Make one call and read the whole response."""
    with socket.create_connection((HOST, port)) as connection:
        connection.sendall(request)
        first = connection.recv(MIB)
        assert first.startswith(b"HTTP/1.1 200"), first[:200]
        left = int(first.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        left -= len(first.partition(b"\r\n\r\n")[2])
        buffer = memoryview(bytearray(MIB))
        while left > 0:
            got = connection.recv_into(buffer)
            assert got, f"the answer ended {left} bytes early"
            left -= got


def row(name: str, large_body: str, rounds: list[Waits]) -> str:
    """Return a line of the report: the medians of the rounds, and the worst of the last column."""
    large, median, most, own = (statistics.median(getattr(each, field) for each in rounds) for field in FIELDS)
    worst = max(each.own for each in rounds)
    return f"{name:24} {large_body:34} {large:9.0f} {median:9.2f} {most:9.1f} {own:9.1f} {worst:9.1f}"


FIELDS = ("large", "median", "most", "own")
HEAD = f"{'':59} {'large ms':>9} {'small ms':>9} {'max ms':>9} {'own ms':>9} {'worst ms':>9}"


def run(size: int, rounds: int, only: str) -> float:
    """Measure everything. Return the longest wait caused by gl, as the maximum of the medians."""
    longest = 0.0
    with Fleet() as fleet:
        target, small = fleet.port(), fleet.port()
        for name, port, most in (("target", target, size), ("target of small calls", small, 0)):
            fleet.start(name, [sys.executable, "-m", "bench.bodies", "--serve", str(port), str(most)], listens(port))
        gateways = started(fleet, target, small)
        print(HEAD)
        for large_body in large_bodies(size):
            if only not in large_body.name:
                continue
            beside = [measure(large_body, target, "/", gateways[0]) for _ in range(rounds)]
            print(row("not through gl", large_body.name, beside))
            for gateway in gateways:
                found = [measure(large_body, gateway.port, ROUTE, gateway) for _ in range(rounds)]
                longest = max(longest, statistics.median(each.own for each in found))
                print(row(gateway.name, large_body.name, found), flush=True)
    return longest


def started(fleet: Fleet, target: int, small: int) -> list[Gateway]:
    """Start the appliance and return its two gl."""
    ports = appliance.start(fleet, target, small)
    listed = (
        ("default path", ports.full, appliance.FULL),
        ("request processor", ports.more, appliance.MORE),
    )
    return [Gateway(name, port, fleet.programs[alias].process.pid) for name, port, alias in listed]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mb", type=int, default=51, help="size of the large bodies in MB (51)")
    parser.add_argument("--rounds", type=int, default=5, help="how many times each body is sent (5)")
    parser.add_argument(
        "--most", type=float, default=20, help="limit for the wait of another call in milliseconds (20)"
    )
    parser.add_argument("--only", default="", help="only cases whose name contains this text")
    parser.add_argument("--serve", nargs=2, metavar=("PORT", "BYTES"), help=argparse.SUPPRESS)
    parser.add_argument("--probe", nargs=3, metavar=("PORT", "PATH", "PID"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(*map(int, options.serve)))
    elif options.probe:
        probe(int(options.probe[0]), options.probe[1], int(options.probe[2]))
    else:
        longest = run(options.mb * 1_000_000, options.rounds, options.only)
        print(f"longest wait caused by gl (median of the rounds): {longest:.1f} ms")
        return 1 if longest > options.most else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
