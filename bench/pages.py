"""Measures the pages of the web interface: `python -m bench.pages [--ledger URL] [--rows N] [--rounds N]`.

The interface runs with the shipped config, a bus, and a ledger of a million made calls, or the one of `--ledger`. Each
round visits every page with another end of its range, so that no answer is remembered from the round before, and then
once more, as someone who reloads. Without a ledger, the pages are visited as well: for the memory of the interface.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from bench import ledger as made
from bench import tools
from bench.processes import HOST, Fleet, Program, listens
from gecholog.ledger import queries
from gecholog.ledger.database import open_reader
from gecholog.ledger.filters import SECOND_US, CallFilter, TimeRange
from gecholog.ledger.location import Location, locate

_CONF = Path(__file__).resolve().parent.parent / "conf"
_PASSWORD = "a password of a benchmark"  # noqa: S105 - of an interface that exists only during the run
_TOKEN = "benchmark"  # noqa: S105
_ASSET = re.compile(r'(?:href|src)="([^"]*static/[^"]+)"')
_CHART = re.compile(r'data-chart="([^"]+)"')
_ADDING = b'http-equiv="refresh"'
_DAY_S = 86_400
_HEAD = f"{'page':44} {'p50 ms':>7} {'p95 ms':>7} {'again':>7} {'CPU ms':>7} {'HTML KB':>8} {'all KB':>7}"


@dataclass(frozen=True, slots=True)
class Question:
    """A page of the ledger: a path, the seconds that its range is long, and further fields of its address."""

    path: str
    seconds: int = 0
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        days = f"{self.seconds // _DAY_S} d" if self.seconds >= _DAY_S else f"{self.seconds // 60} min"
        return " ".join(filter(None, (self.path, days if self.seconds else "", *map("=".join, self.fields))))

    def address(self, end_s: int) -> str:
        """The address for a range that ends at this time."""
        given = dict(self.fields)
        if self.seconds:
            since, until = (datetime.fromtimestamp(at, UTC) for at in (end_s - self.seconds, end_s))
            given |= {"from": f"{since:%Y-%m-%dT%H:%M:%S}", "to": f"{until:%Y-%m-%dT%H:%M:%S}", "zone": "UTC"}
        return f"{self.path}?{urlencode(given)}" if given else self.path


@dataclass(slots=True)
class Figures:
    """Times in milliseconds of first visits and of those that follow, the CPU that first visits take, and bytes."""

    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    html: int = 0
    weight: int = 0
    adding: int = 0  # visits that were told to wait

    def row(self, name: str) -> str:
        late = f"  {self.adding} of {len(self.first)} told to wait" if self.adding else ""
        median, again = statistics.median(self.first), statistics.median(self.again)
        return (
            f"{name:44} {median:>7.0f} {p95(self.first):>7.0f} {again:>7.0f}"
            f" {statistics.median(self.cpu):>7.1f} {self.html / 1024:>8.1f} {self.weight / 1024:>7.1f}{late}"
        )


def p95(times: list[float]) -> float:
    """The time that 95 of 100 visits did not exceed."""
    return sorted(times)[max(0, -(-95 * len(times) // 100) - 1)]


LEDGER_PAGES = (
    *(Question("/mainmenu", seconds) for seconds in (900, _DAY_S, 7 * _DAY_S, 30 * _DAY_S, 90 * _DAY_S)),
    Question("/mainmenu", 30 * _DAY_S, (("model", "openai-0"),)),
    Question("/mainmenu", 30 * _DAY_S, (("client", "k0000000"), ("status", "failed"))),
    *(Question("/mainmenu/series", seconds) for seconds in (_DAY_S, 30 * _DAY_S, 90 * _DAY_S)),
    *(Question("/history", seconds) for seconds in (_DAY_S, 7 * _DAY_S, 90 * _DAY_S)),
    Question("/history", 90 * _DAY_S, (("status", "failed"),)),
    Question("/history", 90 * _DAY_S, (("tag", "prod"), ("model", "openai-0"))),
    *(Question("/usage", seconds) for seconds in (_DAY_S, 30 * _DAY_S, 90 * _DAY_S)),
    *(Question("/usage", 90 * _DAY_S, (("by", by),)) for by in ("model", "client", "owner", "router", "tag")),
    Question("/usage", 90 * _DAY_S, (("by", "client"), ("model", "openai-0"), ("measure", "tokens"))),
)
OTHER_PAGES = tuple(
    Question(path)
    for path in (
        "/logs",
        "/keys",
        "/routers",
        "/routers/code",
        "/processors",
        "/providers",
        "/models",
        "/config",
        "/config/gl",
        "/config/gl/form",
        "/config/gl/raw",
        "/config/gl/deploy",
        "/secrets",
        "/users",
        "/audit",
        "/system",
        "/tutorials",
        "/swagger",
    )
)


class Visitor:
    """A browser without scripts: it takes compressed bodies, and keeps the cookie of its session."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=120)
        self._cookie = ""
        self._files: dict[str, int] = {}

    def sign_in(self) -> None:
        """Sign in as admin. Raises SystemExit if that fails."""
        body = urlencode({"password": _PASSWORD})
        response, _ = self._ask("POST", "/login", body, {"Content-Type": "application/x-www-form-urlencoded"})
        self._cookie = (response.headers["Set-Cookie"] or "").partition(";")[0]
        if response.status != http.client.FOUND:
            raise SystemExit(f"the sign-in failed: {response.status}")

    def get(self, address: str, encoding: str = "br, gzip") -> tuple[bytes, float]:
        """A body as it is on the wire, and the milliseconds until it was there. Raises SystemExit for an error."""
        begin = time.perf_counter()
        response, body = self._ask("GET", address, None, {"Accept-Encoding": encoding})
        took = (time.perf_counter() - begin) * 1e3
        if response.status != http.client.OK:
            raise SystemExit(f"{address}: {response.status} {body[:300]!r}")
        return body, took

    def weight(self, address: str) -> tuple[int, int]:
        """The bytes of a page, and of it with its files and the data of its chart."""
        html = len(self.get(address)[0])
        text = self.get(address, "identity")[0].decode()
        charts = [one.replace("&amp;", "&") for one in _CHART.findall(text)]
        used = {urljoin(urlsplit(address).path, one) for one in [*_ASSET.findall(text), *charts]}
        for one in used - self._files.keys():
            self._files[one] = len(self.get(one)[0])
        return html, html + sum(self._files[one] for one in used)

    def _ask(
        self, method: str, address: str, body: str | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        cookies = {"Cookie": self._cookie} if self._cookie else {}
        self._connection.request(method, address, body, {**headers, **cookies})
        response = self._connection.getresponse()
        return response, response.read()


def start(fleet: Fleet, url: str) -> tuple[Program, Visitor]:
    """Start a bus and the interface with a ledger at `url`, or without one; and sign in."""
    home, bus, port = fleet.folder / f"home{len(fleet.programs)}", fleet.port(), fleet.port()
    (home / "conf").mkdir(parents=True)
    for file in filter(Path.is_file, _CONF.iterdir()):
        shutil.copyfile(file, home / "conf" / file.name)
    for name, fields in (("gl", {}), ("gui", {"gui_port": port, "gui_host": HOST})):
        file = home / "conf" / f"{name}_config.json"
        config: dict[str, Any] = json.loads(file.read_text("utf-8"))
        config |= {**fields, "service_bus": config["service_bus"] | {"hostname": f"{HOST}:{bus}"}}
        file.write_text(json.dumps(config, indent=2), "utf-8")
    environ = {"GECHOLOG_HOME": str(home), "NATS_TOKEN": _TOKEN, "NATS_STORE_DIR": str(home / "nats")}
    environ |= {"NATS_LISTEN": HOST, "GUI_SECRET": _PASSWORD, "LEDGER_URL": url}
    words = [tools.nats_server(), "-c", str(_CONF / "nats-server.conf"), "-a", HOST, "-p", str(bus)]
    fleet.start(f"nats-server of {home.name}", words, listens(bus), environ)
    words = [sys.executable, "-m", "services.gui", "-o", str(home / "conf" / "gui_config.json")]
    program = fleet.start(f"gui of {home.name}", words, listens(port), environ)
    visitor = Visitor(port)
    visitor.sign_in()
    return program, visitor


def cpu_ms(program: Program) -> float:
    """The CPU that a program has used, in milliseconds: of all its threads, which the kernel counts in nanoseconds."""
    used = 0
    for task in Path(f"/proc/{program.process.pid}/task").iterdir():
        used += int((task / "schedstat").read_text("ascii").split()[0])
    return used / 1e6


def rounds_of(
    program: Program, visitor: Visitor, asked: tuple[Question, ...], end_s: int, rounds: int
) -> Iterator[tuple[str, Figures]]:
    """Visit pages round after round; yields the figures of each. The first round opens what has to be opened."""
    found = {one: Figures() for one in asked}
    for number in range(rounds + 1):
        for one, figures in found.items():
            address = one.address(end_s - 61 * number)
            before = cpu_ms(program)
            took = visitor.get(address)[1]
            used = cpu_ms(program) - before
            again = visitor.get(address)[1]
            if number:
                figures.first.append(took)
                figures.again.append(again)
                figures.cpu.append(used)
                figures.adding += _ADDING in visitor.get(address, "identity")[0]
    for one, figures in found.items():
        address = one.address(end_s)
        is_data = one.path.endswith("/series")
        figures.html, figures.weight = (len(visitor.get(address)[0]),) * 2 if is_data else visitor.weight(address)
        yield one.name, figures


async def newest(location: Location) -> tuple[str, int]:
    """The id of the latest call, and the second after it."""
    async with open_reader(location) as database:
        (call,) = (await queries.history(database, CallFilter(TimeRange(0, time.time_ns())), 1)).calls
        return call.id, call.started_us // SECOND_US + 1


def measure(url: str, rounds: int) -> None:
    """Print the table of all pages, and the memory of the interface with a ledger and without."""
    call, end_s = asyncio.run(newest(locate(url)))
    with Fleet() as fleet:
        program, visitor = start(fleet, url)
        begin = program.rss()
        print(_HEAD)
        for name, figures in rounds_of(program, visitor, (*LEDGER_PAGES, Question(f"/history/{call}")), end_s, rounds):
            print(figures.row(name), flush=True)
        opened = program.rss()
        for name, figures in rounds_of(program, visitor, OTHER_PAGES, end_s, rounds):
            print(figures.row(name), flush=True)
        memory = [f"{size / 2**20:.0f} MiB" for size in (begin, opened, program.rss())]
        print(f"\nRSS of the interface after its start, after the pages of the ledger, after all: {', '.join(memory)}")
        bare, visitor = start(fleet, f"sqlite://{fleet.folder / 'none.db'}")
        before = bare.rss()
        without = tuple(one for one in LEDGER_PAGES if one.path in {"/mainmenu", "/history", "/usage"})
        list(rounds_of(bare, visitor, (*without, *OTHER_PAGES), end_s, 1))
        print(f"without a ledger: {before / 2**20:.0f} and {bare.rss() / 2**20:.0f} MiB")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="calls to make, if there is no --ledger")
    parser.add_argument("--ledger", metavar="URL", help="postgresql://… or sqlite:///PATH of a ledger that has calls")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        url = arguments.ledger
        if url is None:
            url = f"sqlite://{Path(folder) / 'ledger.db'}"
            asyncio.run(made.fill(locate(url), arguments.rows, 90, time.time_ns() // 1000))
        measure(url, arguments.rounds)


if __name__ == "__main__":
    main()
