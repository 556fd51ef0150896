"""Starts the appliance as it ships: bus, token counter, file sink, and three gl.

Two have the default config, which asks the token counter about the calls of one router: the first with one worker, the
second with two. The third has a processor more, which is asked about all calls.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import tools
from bench.peers.targets import SMALL
from bench.processes import HOST, Fleet, listens
from gecholog.health import ChecksumFile
from services.ginit import nats_server

TOKEN = "benchmark"  # noqa: S105 - of a bus that exists only during the run
FULL = "gl"
PAIR = "gl-two-workers"
MORE = "gl-more"
OTHER = "gl-other"
PROCESSOR = "charactercount"
ROUTE = "/service/standard/"
STREAMS = "/service/streams/"
COUNTED = "/service/capped/"
ECHO = "/echo/"
LIMITED = "/limited/"
MODELS = "/v1/chat/completions"  # of the router of models
MODEL = "openai/bench"

_CONF = Path(__file__).resolve().parent.parent / "conf"


@dataclass(frozen=True, slots=True)
class Appliance:
    """The ports of the three gl, the file of the records, and a client key."""

    full: int
    pair: int
    more: int
    records: Path
    key: str  # of the router `/limited/`


def start(fleet: Fleet, target: int, streams: int) -> Appliance:
    """Start all programs. The router `/service/standard/` leads to `target`, `/service/streams/` to `streams`."""
    home = fleet.folder / "home"
    bus = fleet.port()
    environ = _environ(home, fleet.folder / "nats", target)
    memory = nats_server.variables(os.environ)  # as ginit does
    fleet.start("nats-server", _bus_words(_CONF, bus), listens(bus), environ | memory)
    starter = _ServiceStarter(fleet, home, bus, environ)
    starter.start("tokencounter", "processors.tokencounter", _counter(bus))
    starter.start("nats2file", "services.nats2log", _config("nats2file", bus))
    _start_processor(fleet, bus, environ)
    full, pair, more = (_gl(bus, fleet.port(), streams, workers) for workers in (1, 2, 1))
    full["routers"].append(_limited(full["routers"]))
    more["request"]["processors"].append([_PROCESSOR_ENTRY])
    for alias, config in ((FULL, full), (PAIR, pair), (MORE, more)):
        starter.start(alias, "services.gl", config)
    key = _made_key(fleet.folder / f"{FULL}_config.json", environ)
    return Appliance(full["gl_port"], pair["gl_port"], more["gl_port"], home / "log" / "gecholog.jsonl", key)


def start_other(fleet: Fleet, target: int, tree: Path) -> int:
    """Start the programs of (b) from another checkout, with its own config and bus. Return the port of its gl."""
    home = fleet.folder / "other"
    bus, port = fleet.port(), fleet.port()
    environ = _environ(home, home / "nats", target) | {"PYTHONPATH": str(tree)}
    conf = tree / "conf"
    fleet.start(f"{OTHER}-nats-server", _bus_words(conf, bus), listens(bus), environ)
    starter = _ServiceStarter(fleet, home, bus, environ)
    starter.start(f"{OTHER}-tokencounter", "processors.tokencounter", _config("tokencounter", bus, conf))
    starter.start(f"{OTHER}-nats2file", "services.nats2log", _config("nats2file", bus, conf))
    starter.start(OTHER, "services.gl", _config("gl", bus, conf) | {"gl_host": HOST, "gl_port": port})
    return port


def _limited(routers: list[dict[str, Any]]) -> dict[str, Any]:
    """A router that leads where `/service/standard/` does, for clients with a key. Its limits are never reached."""
    standard = next(router for router in routers if router["path"] == ROUTE)
    limits = {"quotas": {"concurrency": 1_000_000}, "budget": {"tokens": 10**15, "period": "month"}}
    return standard | limits | {"path": LIMITED, "ingress": {"headers": {}, "keys": "required"}}


def _made_key(config: Path, environ: dict[str, str]) -> str:
    """Make a client key with limits that are never reached."""
    words = [sys.executable, "-P", "-m", "services.gl.keys", "-o", str(config), "create", "--name", "bench", "--json"]
    words += ["--rpm", str(10**12), "--budget", f"{10**15} tokens/month"]
    made = subprocess.run(words, env={**os.environ, **environ}, stdout=subprocess.PIPE, check=True)
    return str(json.loads(made.stdout)["secret"])


def _environ(home: Path, store: Path, target: int) -> dict[str, str]:
    (home / "log").mkdir(parents=True)
    return {
        "GECHOLOG_HOME": str(home),
        "NATS_TOKEN": TOKEN,
        "NATS_STORE_DIR": str(store),
        "NATS_LISTEN": "127.0.0.1",
        "NATS2FILE_LOGGER_SUBTOPIC": ".logger",
        "AISERVICE_API_BASE": f"http://{HOST}:{target}",
        "AISERVICE_API_KEY": "benchmark",
        "GECHOLOG_API_KEY": "benchmark",
        "OPENAI_BASE_URL": f"http://{HOST}:{target}/{SMALL.response}/v1",
        "OPENAI_API_KEY": "benchmark",
    }


def _bus_words(conf: Path, port: int) -> list[str]:
    return [tools.nats_server(), "-c", str(conf / "nats-server.conf"), "-a", HOST, "-p", str(port)]


def _start_processor(fleet: Fleet, bus: int, environ: dict[str, str]) -> None:
    words = [sys.executable, "-m", f"processors.{PROCESSOR}"]
    variables = environ | {"GECHOLOG_HOST": f"{HOST}:{bus}"}

    def answers() -> bool:
        asked = subprocess.run(
            [*words, "--healthcheck"], env={**os.environ, **variables}, capture_output=True, check=False
        )
        return asked.returncode == 0

    fleet.start(PROCESSOR, words, answers, variables)


_PROCESSOR_ENTRY = {
    "name": PROCESSOR,
    "modifier": False,
    "required": False,
    "async": False,
    "input_fields_include": ["ingress_payload"],
    "input_fields_exclude": [],
    "output_fields_write": ["character_count"],
    "service_bus_topic": f"coburn.gl.{PROCESSOR}",
    "timeout": 1000,
}


@dataclass(frozen=True, slots=True)
class _ServiceStarter:
    """Starts services."""

    fleet: Fleet
    home: Path
    bus: int
    environ: dict[str, str]

    def start(self, alias: str, module: str, config: dict[str, Any]) -> None:
        file = self.fleet.folder / f"{alias}_config.json"
        file.write_text(json.dumps(config))
        # -P: import modules from PYTHONPATH or this checkout, not from the working directory.
        words = [sys.executable, "-P", "-m", module, "-a", alias, "-o", str(file)]
        self.fleet.start(alias, words, _serves(alias, self.home), self.environ)


def _serves(alias: str, home: Path) -> Callable[[], bool]:
    """Return a check whether the service is serving, by its checksum file."""
    return lambda: ChecksumFile.of(alias, home).read() is not None


def _counter(bus: int) -> dict[str, Any]:
    """Return the default config of the token counter, with a cap that is never reached."""
    values = _config("tokencounter", bus)
    for cap in values["token_caps"]:
        cap["fields"] = [field | {"value": 10**15} for field in cap["fields"]]
    return values


def _config(name: str, bus: int, conf: Path = _CONF) -> dict[str, Any]:
    """Return a default config for our bus."""
    values: dict[str, Any] = json.loads((conf / f"{name}_config.json").read_text())
    values["service_bus"]["hostname"] = f"{HOST}:{bus}"
    return values


def _gl(bus: int, port: int, streams: int, workers: int) -> dict[str, Any]:
    """Return the default config of gl with this number of workers and an additional router for the streams."""
    values = _config("gl", bus)
    values |= {"gl_host": HOST, "gl_port": port, "workers": workers}
    outbound = {"url": f"http://{HOST}:{streams}/streams", "endpoint": "", "headers": {}}
    values["routers"].append({"path": STREAMS, "ingress": {"headers": {}}, "outbound": outbound})
    return values
