"""Measures how fast a sink writes records to a file: `python -m bench.sink [--records N] [--size BYTES]`.

A nats-server, a publisher and one sink run on this machine. In the first case, all records are in the stream before the
sink starts, so it works off a backlog. In the others, the sink runs first, and the publisher feeds it.
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
from gecholog.logs import Log
from gecholog.recordlog import STREAM, ask, ensure

SUBJECT = "coburn.gl.logger"
TOKEN = "benchmark"  # noqa: S105 - of a bus that exists only during the run
TIMEOUT_S = 120.0
IN_FLIGHT = 250  # messages between two flushes, because the stream has a bounded queue


@dataclass(frozen=True, slots=True)
class Figure:
    """The result of one run. CPU times are in microseconds per record."""

    name: str
    records: int
    seconds: float
    sink_cpu: float
    bus_cpu: float

    def row(self) -> str:
        rate = self.records / self.seconds
        return f"{self.name:34} {self.records:>8} {rate:>11,.0f} {self.sink_cpu:>12.1f} {self.bus_cpu:>18.1f}"


HEAD = f"{'':34} {'records':>8} {'records/s':>11} {'sink us/rec':>12} {'nats-server us/rec':>18}"


class Machine:
    """A nats-server and a directory for one run."""

    def __init__(self, folder: Path, *, jetstream: bool) -> None:
        self.folder = folder
        self.lines = folder / "log.jsonl"
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
            "mode": "file_writer",
            "tls": {"system_cert_pool": True},
            "service_bus": {
                "hostname": f"127.0.0.1:{self.port}",
                "topic": "coburn.gl.nats2file",
                "topic_exact_logger": SUBJECT,
                "token": TOKEN,
            },
            "file_writer": {"filename": str(self.lines), "write_mode": "append"},
        }
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


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def record(size: int) -> bytes:
    """Return a record of about `size` bytes of compressible text."""
    words = "the quick brown fox jumps over the lazy dog while 4711 tokens pass by "
    payload = {"content": ""}
    fields = {"session_id": "BENCH001_1700000000000000000_1_0", "request": {"ingress_payload": payload}}
    room = size - len(json.dumps(fields))
    payload["content"] = (words * (room // len(words) + 1))[:room]
    return json.dumps(fields).encode()


async def publish(bus: Bus, count: int, data: bytes) -> None:
    for number in range(count):
        await bus.publish(SUBJECT, data, recordlog.identified(number.to_bytes(16)))
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


async def catching_up(machine: Machine, bus: Bus, count: int, data: bytes) -> Figure:
    """Store all records in the stream, then start the sink."""
    await ensure(bus, SUBJECT)
    await publish(bus, count, data)

    async def stored() -> bool:
        info = await ask(bus, f"STREAM.INFO.{STREAM}")
        return bool(info["state"]["messages"] == count)

    async def acknowledged() -> bool:
        info = await ask(bus, f"CONSUMER.INFO.{STREAM}.bench")
        return not info["num_pending"] + info["num_ack_pending"]

    await until(stored, "records in the stream")
    machine.start_sink()
    await until(lambda: machine.lines.exists() and machine.lines.stat().st_size > 0, "the first record")
    begin, cpu, already = time.perf_counter(), machine.cpu(), machine.written()
    await until(lambda: machine.lines.stat().st_size >= count * (len(data) + 1), "all records")
    await until(acknowledged, "acknowledgements")
    return _figure("file, record stream, backlog", machine, (begin, cpu), count - already)


async def live(name: str, machine: Machine, bus: Bus, count: int, data: bytes) -> Figure:
    """Start the sink, then publish records as fast as possible."""
    machine.start_sink()
    sign = machine.folder / "checksum" / ".bench_config.sha256"
    await until(sign.exists, "a sink that listens")
    begin, cpu = time.perf_counter(), machine.cpu()
    await publish(bus, count, data)
    await until(lambda: machine.lines.stat().st_size >= count * (len(data) + 1), "all records")
    return _figure(name, machine, (begin, cpu), count)


def _figure(name: str, machine: Machine, start: tuple[float, tuple[float, float]], count: int) -> Figure:
    begin, before = start
    seconds = time.perf_counter() - begin
    used = [(after - earlier) * 1e6 / count for earlier, after in zip(before, machine.cpu(), strict=True)]
    return Figure(name, count, seconds, used[0], used[1])


async def run(name: str, count: int, size: int, *, jetstream: bool, first_publish: bool) -> Figure:
    with tempfile.TemporaryDirectory(prefix="bench-sink-") as folder:
        machine = Machine(Path(folder), jetstream=jetstream)
        bus = Bus(BusAddress.of(f"127.0.0.1:{machine.port}", TOKEN), "bench", Log("bench"))
        connection = asyncio.create_task(bus.run())
        try:
            await bus.opened()
            data = record(size)
            if first_publish:
                figure = await catching_up(machine, bus, count, data)
            else:
                figure = await live(name, machine, bus, count, data)
            if machine.written() != count:
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
    args = parser.parse_args()
    print(f"records of {args.size} bytes, {os.cpu_count()} cores")
    print(HEAD)
    for name, jetstream, first in (
        ("file, record stream, backlog", True, True),
        ("file, record stream, live", True, False),
        ("file, no JetStream, live", False, False),
    ):
        print((await run(name, args.records, args.size, jetstream=jetstream, first_publish=first)).row(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
