"""The cluster of docs/operations.md, from the page's own commands and the files in examples/cluster."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gecholog import config
from gecholog.server_address import ServerAddress
from services.ginit.config import build, config_spec
from tests.support.nats_command import nats_command
from tests.support.nats_server import PROGRAM
from tests.support.pages import ROOT, blocks_by_name
from tests.support.ports import free_port
from tests.support.process import ServiceProcess, command_of, environment_of
from tests.support.waiting import until

EXAMPLES = ROOT / "examples" / "cluster"
SERVERS = ("nats-1", "nats-2", "nats-3")
SECRETS = {"NATS_TOKEN": "TokenOfTheTests", "NATS_PROCESSOR_PASSWORD": "PasswordOfTheTests"}
VARIABLES = {"AISERVICE_API_BASE": "http://a", "OPENAI_API_KEY": "b", "GUI_SECRET": "SecretOfTheTests"}
READY = {
    "tokencounter": "token counts shared with other replicas",
    "nats2file": "consuming records",
    "nats2ledger": "consuming records",
}
MODULES = {
    "gl": "services.gl",
    "tokencounter": "processors.tokencounter",
    "nats2file": "services.nats2log",
    "nats2log": "services.nats2log",
    "nats2ledger": "services.nats2log",
    "gui": "services.gui",
}


@pytest.fixture
def followed(tmp_path):
    """A copy of the project's files on which the commands of the page were run, all but the last."""
    for name in ("conf", "examples/cluster"):
        shutil.copytree(ROOT / name, tmp_path / name)
    commands = blocks_by_name(ROOT / "docs" / "operations.md")["compose"]
    *most, last = commands.strip().splitlines()
    assert last == "docker compose up --detach"
    subprocess.run(["bash", "-euc", "\n".join(most)], cwd=tmp_path, check=True)
    return tmp_path / "examples" / "cluster"


def test_configs(followed, tmp_path):
    """The configs that `connect.py` has changed are valid, and name all servers."""
    for number in (1, 2):
        folder = followed / f"conf-{number}"
        for name, module in MODULES.items():
            file = folder / f"{name}_config.json"
            section = json.loads(file.read_text())["service_bus"]
            assert section["hostname"] == [str(ServerAddress(server)) for server in SERVERS]
            done = subprocess.run(
                [sys.executable, "-m", module, "--validate", "-o", str(file)],
                env=environment_of(tmp_path, SECRETS | VARIABLES),
                cwd=ROOT,
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout
        assert json.loads((folder / "gl_config.json").read_text())["gateway_id"] == f"GECHO00{number}"


def test_configs_of_ginit():
    """The first appliance has all services but the bus, each further one no sinks and no web interface either."""
    names = {}
    for file in ("ginit_config.json", "gateway_ginit_config.json"):
        data = (EXAMPLES / file).read_bytes()
        parsed = config.check(data, file, config_spec(), {"GECHOLOG_HOME": str(ROOT)})
        names[file] = {service.name for service in build(parsed).services}
    assert names["ginit_config.json"] == {"gl", "nats2file", "nats2log", "tokencounter", "dummy", "gui", "nats2ledger"}
    assert names["gateway_ginit_config.json"] == {"gl", "tokencounter", "dummy"}


def test_it_runs(followed, tmp_path):
    """Three servers from the config become a cluster, and the services of an appliance keep three copies on it."""
    ports = {server: (free_port(), free_port()) for server in SERVERS}
    started, processes = [], []
    try:
        for server, (clients, routes) in ports.items():
            text = (followed / "nats-cluster.conf").read_text()
            text = re.sub(r"nats-route://(nats-\d):6222", lambda m: f"nats-route://127.0.0.1:{ports[m[1]][1]}", text)
            file = tmp_path / f"{server}.conf"
            file.write_text(text.replace("4222", str(clients)).replace("6222", str(routes)) + 'host: "127.0.0.1"\n')
            environ = SECRETS | {"NATS_NAME": server, "NATS_STORE_DIR": f'"{tmp_path / server}"'}
            with (tmp_path / f"{server}.log").open("wb") as log:
                command = [PROGRAM, "-c", str(file)]
                started.append(subprocess.Popen(command, env=os.environ | environ, stderr=log))
        until(lambda: all("Server is ready" in (tmp_path / f"{server}.log").read_text() for server in SERVERS))
        hosts = [f"127.0.0.1:{clients}" for clients, _ in ports.values()]
        for name, ready in READY.items():
            file = followed / "conf-1" / f"{name}_config.json"
            values = json.loads(file.read_text())
            values["service_bus"]["hostname"] = hosts
            file.write_text(json.dumps(values))
            environ = environment_of(tmp_path / "app", SECRETS | {"NATS2FILE_LOGGER_SUBTOPIC": ".logger"})
            command = command_of(MODULES[name], file, name)
            processes.append(ServiceProcess(command, alias=name, home=tmp_path / "app", env=environ))
            processes[-1].wait_for_log(ready)
        assert "record stream has fewer replicas than configured" not in processes[1].messages()
        assert "bucket has fewer replicas than configured" not in processes[0].messages()
        if (nats := nats_command()) is not None:
            run_the_commands_of_the_page(nats, hosts[0], tmp_path)
    finally:
        for process in processes:
            process.close()
        for server in started:
            server.kill()
            server.wait()


def run_the_commands_of_the_page(nats, host, home):
    """The commands that show leaders and copies, by the NATS command line."""
    commands = blocks_by_name(ROOT / "docs" / "operations.md")["nats"].replace("nats-1:4222", host)
    assert host in commands
    path = f"{Path(nats).parent}{os.pathsep}{os.environ['PATH']}"
    environ = os.environ | SECRETS | {"PATH": path, "HOME": str(home)}
    done = subprocess.run(
        ["bash", "-euc", commands], env=environ, cwd=home, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK:3 peers" in done.stdout


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_units(tmp_path):
    """systemd understands the units. The programs that they start are put in place first."""
    for name in ("gecholog-nats.service", "gecholog.service"):
        text = (EXAMPLES / name).read_text().replace("/opt/gecholog/.venv/bin/nats-server", PROGRAM)
        file = tmp_path / name
        file.write_text(text.replace("/opt/gecholog/entrypoint.sh", str(ROOT / "entrypoint.sh")))
        done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_permissions_are_those_that_ship():
    """The users of the cluster may do what those in conf/nats-server.conf may."""

    def lines(file):
        text = re.sub(r"^#", "", file.read_text(), flags=re.MULTILINE)
        return [
            line.strip() for line in text.splitlines() if re.match(r"\s*(subscribe|publish|allow_responses):", line)
        ]

    assert lines(EXAMPLES / "nats-cluster.conf") == lines(ROOT / "conf" / "nats-server.conf")
