"""Measures how fast a sink writes records: `python -m bench.sink [--records N] [--size BYTES] [--ledger URL]`.

A nats-server, a publisher and one sink run on this machine. In the cases with a backlog, all records are in the stream
before the sink starts. In the others, the sink runs first, and the publisher feeds it. The sink writes a file, or a
ledger in SQLite, or in the PostgreSQL of `--ledger` (an empty database).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from gecholog import recordlog
from gecholog.bus import Bus, BusAddress
from gecholog.errors import BusError
from gecholog.logs import Log
from gecholog.recordlog import STREAM, ask, ensure

SUBJECT = "coburn.gl.logger"
TOKEN = "benchmark"  # noqa: S105 - of a bus that exists only during the run
TIMEOUT_S = 120.0
SQLITE = "sqlite"  # a file in the folder of the run
IN_FLIGHT = 250  # messages between two flushes, because the stream has a bounded queue


@dataclass(frozen=True, slots=True)
class Figure:
    """The result of one run. CPU times are in microseconds per record."""

    name: str
    records: int
    seconds: float
    sink_cpu: float
    bus_cpu: float
    memory: int  # the most of the sink, in bytes

    def row(self) -> str:
        rate = self.records / self.seconds
        return (
            f"{self.name:38} {self.records:>8} {rate:>11,.0f} {self.sink_cpu:>12.1f} {self.bus_cpu:>18.1f} "
            f"{self.memory / 2**20:>9.0f}"
        )


HEAD = f"{'':38} {'records':>8} {'records/s':>11} {'sink us/rec':>12} {'nats-server us/rec':>18} {'RSS MiB':>9}"


class Machine:
    """A nats-server and a directory for one run."""

    def __init__(self, folder: Path, ledger: str | None, *, jetstream: bool) -> None:
        self.folder = folder
        self.lines = folder / "log.jsonl"
        self.ledger = f"sqlite://{folder}/ledger.db" if ledger == SQLITE else ledger
        ports = folder / "ports"
        ports.mkdir()
        words = [str(Path(sys.executable).with_name("nats-server")), "-a", "127.0.0.1", "-p", "-1", "--auth", TOKEN]
        words += ["--ports_file_dir", str(ports)] + (["-js", "-sd", str(folder / "js")] if jetstream else [])
        self.server = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        self.port = self._port(ports)
        self.sink: subprocess.Popen[bytes] | None = None

    def _port(self, folder: Path) -> int:
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            for file in folder.glob("*.ports"):
                text = file.read_text()
                if text:
                    return int(json.loads(text)["nats"][0].rpartition(":")[2])
            time.sleep(0.02)
        raise TimeoutError("nats-server did not start")

    def start_sink(self) -> None:
        config = {
            "version": "1.0.1",
            "log_level": "INFO",
            "mode": "file_writer" if self.ledger is None else "sql_writer",
            "tls": {"system_cert_pool": True},
            "service_bus": {
                "hostname": f"127.0.0.1:{self.port}",
                "topic": "coburn.gl.nats2file",
                "topic_exact_logger": SUBJECT,
                "token": TOKEN,
            },
            "file_writer": {"filename": str(self.lines), "write_mode": "append"},
        }
        if self.ledger is not None:
            config["sql_writer"] = {"url": self.ledger}
        file = self.folder / "config.json"
        file.write_text(json.dumps(config))
        words = [sys.executable, "-m", "services.nats2log", "-o", str(file), "-a", "bench"]
        log = (self.folder / "sink.log").open("wb")
        self.sink = subprocess.Popen(words, env={**os.environ, "GECHOLOG_HOME": str(self.folder)}, stdout=log)

    def stop(self) -> None:
        for process in (self.sink, self.server):
            if process is not None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=10)

    def cpu(self) -> tuple[float, float]:
        """Return the CPU time of sink and nats-server in seconds."""
        return _cpu(self.sink.pid) if self.sink else 0.0, _cpu(self.server.pid)

    def written(self) -> int:
        try:
            return self.lines.read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0


def _memory(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) * 1024


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def record(number: int, size: int) -> bytes:
    """A record as gl writes it, of about `size` bytes of compressible text, one of some hundred kinds."""
    words = "the quick brown fox jumps over the lazy dog while 4711 tokens pass by "
    client, model, status = number * 7 % 40, number * 11 % 6, 429 if number % 17 == 0 else 200
    timer = {"start": f"2026-11-30T09:28:{number % 60:02d}.162234774Z", "stop": "2026-11-30T09:29:20.1Z", "duration": 9}
    payload = {"model": f"model-{model}", "content": ""}
    fields = {
        "session_id": f"BENCH001_1700000000000000000_{number}_0",
        "transaction_id": f"BENCH001_1700000000000000000_{number}_1",
        "request": {
            "gl_path": "/v1/",
            "ingress_method": "POST",
            "ingress_subpath": "chat/completions",
            "ingress_payload": payload,
            "url": "https://api.example.com/v1/chat/completions",
            "attempts": [
                {
                    "gl_path": "/v1/",
                    "url": "https://api.example.com/v1/chat/completions",
                    "provider": "main",
                    "model": f"model-{model}",
                    "status_code": status,
                    "timer": timer,
                }
            ],
            "unchanged": ["outbound_payload"],
        },
        "response": {"inbound_status_code": status, "egress_status_code": status, "outbound_inbound_timer": timer},
        "client": {"key": f"k{client:07d}", "name": "an app", "owner": f"team-{client % 7}", "tags": ["prod"]},
        "usage": {"source": "provider", "prompt_tokens": number % 900, "completion_tokens": 10, "total_tokens": 910},
        "cost": {"usd": "0.00123", "prices": "2026-11-30"},
        "ingress_egress_timer": timer,
    }
    room = max(0, size - len(json.dumps(fields)))
    payload["content"] = (words * (room // len(words) + 1))[:room]
    return json.dumps(fields).encode()


async def publish(bus: Bus, count: int, size: int) -> None:
    for number in range(count):
        await bus.publish(SUBJECT, record(number, size), recordlog.identified(number.to_bytes(16)))
        if number % IN_FLIGHT == 0:
            await bus.flush()
    await bus.flush()


async def until(done: Callable[[], bool | Awaitable[bool]], what: str) -> None:
    """Wait until `done` returns True. Raises TimeoutError."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        answer = done()
        if answer if isinstance(answer, bool) else await answer:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(what)


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured: the ledger that the sink writes (None: a file), and where its records come from."""

    name: str
    ledger: str | None = None
    jetstream: bool = True
    backlog: bool = False


async def _acknowledged(bus: Bus, count: int) -> bool:
    info = await ask(bus, f"CONSUMER.INFO.{STREAM}.bench")
    return bool(info["ack_floor"]["consumer_seq"] >= count)


async def _all_written(machine: Machine, bus: Bus, count: int, *, jetstream: bool) -> None:
    if jetstream:
        await until(lambda: _acknowledged(bus, count), "acknowledgements")
    else:
        await until(lambda: machine.written() >= count, "all records")


async def catching_up(case: Case, machine: Machine, bus: Bus, count: int, size: int) -> Figure:
    """Store all records in the stream, then start the sink."""
    await ensure(bus, SUBJECT)
    await publish(bus, count, size)

    async def stored() -> bool:
        info = await ask(bus, f"STREAM.INFO.{STREAM}")
        return bool(info["state"]["messages"] == count)

    await until(stored, "records in the stream")
    machine.start_sink()
    await until(lambda: _has_begun(bus), "the first record")
    begin, cpu = time.perf_counter(), machine.cpu()
    already = (await ask(bus, f"CONSUMER.INFO.{STREAM}.bench"))["ack_floor"]["consumer_seq"]
    await _all_written(machine, bus, count, jetstream=True)
    return _figure(case.name, machine, (begin, cpu), count - already)


async def _has_begun(bus: Bus) -> bool:
    try:
        return await _acknowledged(bus, 1)
    except BusError:
        return False


async def live(case: Case, machine: Machine, bus: Bus, count: int, size: int) -> Figure:
    """Start the sink, then publish records as fast as possible."""
    machine.start_sink()
    sign = machine.folder / "checksum" / ".bench_config.sha256"
    await until(sign.exists, "a sink that listens")
    begin, cpu = time.perf_counter(), machine.cpu()
    await publish(bus, count, size)
    await _all_written(machine, bus, count, jetstream=case.jetstream)
    return _figure(case.name, machine, (begin, cpu), count)


def _figure(name: str, machine: Machine, start: tuple[float, tuple[float, float]], count: int) -> Figure:
    begin, before = start
    seconds = time.perf_counter() - begin
    used = [(after - earlier) * 1e6 / count for earlier, after in zip(before, machine.cpu(), strict=True)]
    memory = _memory(machine.sink.pid) if machine.sink else 0
    return Figure(name, count, seconds, used[0], used[1], memory)


async def run(case: Case, count: int, size: int) -> Figure:
    with tempfile.TemporaryDirectory(prefix="bench-sink-") as folder:
        machine = Machine(Path(folder), case.ledger, jetstream=case.jetstream)
        bus = Bus(BusAddress.of(f"127.0.0.1:{machine.port}", TOKEN), "bench", Log("bench"))
        connection = asyncio.create_task(bus.run())
        try:
            await bus.opened()
            measure = catching_up if case.backlog else live
            figure = await measure(case, machine, bus, count, size)
            if case.ledger is None and machine.written() != count:
                raise AssertionError(f"{machine.written()} lines for {count} records")
            return figure
        finally:
            await bus.close()
            await connection
            machine.stop()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--size", type=int, default=3_000)
    parser.add_argument("--ledger", metavar="URL", help="also an empty PostgreSQL database, postgresql://…")
    args = parser.parse_args()
    cases = [
        Case("file, record stream, backlog", backlog=True),
        Case("ledger in SQLite, backlog", SQLITE, backlog=True),
        *([Case("ledger in PostgreSQL, backlog", args.ledger, backlog=True)] if args.ledger else []),
        Case("file, record stream, live"),
        Case("ledger in SQLite, live", SQLITE),
        Case("file, no JetStream, live", jetstream=False),
    ]
    print(f"records of {args.size} bytes, {os.cpu_count()} cores")
    print(HEAD)
    for case in cases:
        print((await run(case, args.records, args.size)).row(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
