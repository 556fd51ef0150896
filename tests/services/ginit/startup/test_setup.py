"""From a config file to the launcher: what is checked, and the environment of the appliance's processes."""

import json
import os
import socket
import subprocess
import sys

import pytest

from services.ginit.config import GinitConfig
from services.ginit.startup import bus_users, setup
from services.ginit.startup.prepare import DEFAULTS, CannotStart
from tests.services.ginit.edges import definition
from tests.support.process import environment_of

EXEC = """
import json, os, sys
from pathlib import Path
from services.ginit.startup import setup

def show(program, arguments):
    print(json.dumps({"arguments": arguments, "environ": dict(os.environ), "umask": os.umask(0)}))
    sys.exit()

os.execv = show
setup.exec_launcher(Path(sys.argv[1]), "my_ginit")
"""


def executed(home, file, **environ):
    """What would be executed for this config file, with the environment."""
    done = subprocess.run(
        [sys.executable, "-c", EXEC, str(file)],
        env=environment_of(home, environ),
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    return json.loads(lines[-1])


@pytest.fixture
def file(tmp_path):
    """A config of ginit with one service."""
    (tmp_path / "one.json").write_text("{}")
    service = {
        "name": "one",
        "file": "/bin/true",
        "config_command": "-o",
        "configuration_file": str(tmp_path / "one.json"),
        "validate_command": "--validate",
        "healthy_output": "ready",
    }
    file = tmp_path / "ginit_config.json"
    file.write_text(json.dumps({"version": "1.0.1", "log_level": "INFO", "services": [service]}))
    return file


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder, and an environment in which no secret is set."""
    for name in ("NATS_TOKEN", "NATS_PROCESSOR_PASSWORD", "GUI_SECRET", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GECHOLOG_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_launcher_is_executed(home, file):
    """By the same Python, with absolute paths for all processes."""
    found = executed(home, file.name, GECHOLOG_HOME="home", GECHOLOG_PYTHON="")
    environ = found["environ"]
    assert found["arguments"] == [sys.executable, "-P", "-m", "services.ginit.startup.launcher"]
    assert environ["GECHOLOG_HOME"] == str(home)
    assert environ["GECHOLOG_GINIT_CONFIG"] == str(file)
    assert environ["GECHOLOG_GINIT_ALIAS"] == "my_ginit"
    assert environ["GECHOLOG_PYTHON"] == sys.executable
    assert environ["NATS_STORE_DIR"] == f'"{home}/nats"'


def test_services_are_run_by_the_python_that_is_named(home, file):
    assert executed(home, file, GECHOLOG_PYTHON="/named/python")["environ"]["GECHOLOG_PYTHON"] == "/named/python"


def test_files_are_for_owner_and_group(home, file):
    assert executed(home, file)["umask"] & 0o027 == 0o027


def test_address_of_the_bus(home, file):
    """All addresses, unless the user says otherwise. In quotes, as nats-server wants it."""
    assert executed(home, file)["environ"]["NATS_LISTEN"] == '"0.0.0.0"'
    assert executed(home, file, GECHOLOG_LISTEN="127.0.0.1")["environ"]["NATS_LISTEN"] == '"127.0.0.1"'


def test_secrets_are_set(home, file):
    """Those that are set stay, the others are generated."""
    environ = executed(home, file, NATS_TOKEN="OfTheUser")["environ"]
    assert environ["NATS_TOKEN"] == "OfTheUser"
    assert environ["GUI_SECRET"] == (home / "secrets" / "GUI_SECRET").read_text()


def test_path_of_python_is_extended(home, file):
    """With what is on it already."""
    before = environment_of(home, {})["PYTHONPATH"]
    assert executed(home, file)["environ"]["PYTHONPATH"].split(os.pathsep)[-1] == before


@pytest.mark.parametrize("before", [0o000, 0o022, 0o077])
def test_umask_is_only_made_stricter(before):
    old = os.umask(before)
    setup.restrict_umask()
    found = os.umask(old)
    assert found == before | 0o027


def test_home_is_absolute(tmp_path, monkeypatch):
    """Whatever the working directory of a process becomes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GECHOLOG_HOME", "app")
    assert setup.resolve_home() == tmp_path / "app"
    assert os.environ["GECHOLOG_HOME"] == str(tmp_path / "app")


@pytest.mark.parametrize("value", ["123", "true", "${OTHER}", "a b"])
@pytest.mark.parametrize("name", ["NATS_TOKEN", "NATS_PROCESSOR_PASSWORD"])
def test_secret_that_nats_server_misreads(home, monkeypatch, name, value):
    """Clients would be refused with a secret that looks right."""
    monkeypatch.setenv(name, value)
    with pytest.raises(CannotStart, match=f"{name} has a value that nats-server reads as something else"):
        setup.ensure_secrets(home)


def test_secret_that_nats_server_does_not_read(home, monkeypatch):
    """It may be anything."""
    monkeypatch.setenv("GUI_SECRET", "123")
    setup.ensure_secrets(home)


def test_secret_that_cannot_be_written(home, monkeypatch):
    (home / "secrets").write_text("no folder")
    with pytest.raises(CannotStart, match="NATS_TOKEN is not set, and a new one cannot be written"):
        setup.ensure_secrets(home)


@pytest.fixture
def taken():
    """A port that someone listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def also_taken():
    """Another one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_port_that_is_taken(home, tmp_path, taken, also_taken):
    """All of them are named, with the files in which to set another one; nothing has been started."""
    gateway = definition(tmp_path, "gateway", program="/bin/gl", content=json.dumps({"gl_port": taken}))
    dummy = definition(tmp_path, "dummy", program="/bin/dummy", content=json.dumps({"port": also_taken}))
    with pytest.raises(CannotStart) as raised:
        setup._check_ports(GinitConfig("", 0, (gateway, dummy)), home)
    first, second = str(raised.value).splitlines()
    assert f"port {taken} is taken: another program listens on it, so gateway cannot" in first
    assert str(dummy.configuration_file) in second


def test_the_port_of_the_web_interface_is_taken(home, tmp_path, free_port, taken, caplog):
    """The others start; the interface says itself that it cannot listen."""
    gateway = definition(tmp_path, "gateway", program="/bin/gl", content=json.dumps({"gl_port": free_port}))
    gui = definition(tmp_path, "web", program="/bin/gui", content=json.dumps({"gui_port": taken}))
    setup._check_ports(GinitConfig("", 0, (gateway, gui)), home)
    assert "port taken, starting without the service" in caplog.text


def test_port_of_two_services(home, tmp_path, free_port):
    """Only one of them could listen: a port that was imported may be that of another service."""
    gateway = definition(tmp_path, "gateway", program="/bin/gl", content=json.dumps({"gl_port": free_port}))
    dummy = definition(tmp_path, "dummy", program="/bin/dummy", content=json.dumps({"port": free_port}))
    with pytest.raises(CannotStart, match=f"port {free_port} is set for gateway in .* and for dummy in "):
        setup._check_ports(GinitConfig("", 0, (gateway, dummy)), home)


def test_ports_that_are_free(home, tmp_path, free_port):
    gateway = definition(tmp_path, "gateway", program="/bin/gl", content=json.dumps({"gl_port": free_port}))
    setup._check_ports(GinitConfig("", 0, (gateway,)), home)


NATS = (DEFAULTS / "nats-server.conf").read_text("utf-8")
ASKS = json.dumps({"routers": [{"ingress": {"keys": "remote"}}]})


def keyed(folder, gateway=ASKS, nats=NATS):
    """A config of ginit with a gateway that asks for client keys, and a bus."""
    services = [
        definition(folder, "gateway", program="/bin/gl", content=gateway),
        definition(folder, "bus", program="/bin/nats-server", content=nats),
    ]
    return GinitConfig("", 0, tuple(services))


@pytest.mark.parametrize(("users", "warned"), [("", True), ("off", False), ("on", False)])
def test_token_that_can_change_client_keys(home, tmp_path, monkeypatch, caplog, users, warned):
    """It keeps working. Who says that it is meant so is not warned."""
    monkeypatch.setenv("NATS_USERS", users)
    setup._warn_of_token(keyed(tmp_path))
    assert ["everybody with the token" in one.message for one in caplog.records] == ([True] if warned else [])


def test_no_warning_where_only_this_machine_reaches_the_bus(home, tmp_path, monkeypatch, caplog):
    """As after `make up`, whose first line should not be a warning."""
    monkeypatch.delenv("NATS_USERS", raising=False)
    monkeypatch.setenv("GECHOLOG_LISTEN", "127.0.0.1")
    setup._warn_of_token(keyed(tmp_path))
    assert caplog.records == []


def test_no_warning_of_a_token_without_power(home, tmp_path, monkeypatch, caplog):
    """There are no client keys, or the bus has users."""
    monkeypatch.delenv("NATS_USERS", raising=False)
    setup._warn_of_token(keyed(tmp_path / "a", gateway="{}"))
    setup._warn_of_token(keyed(tmp_path / "b", nats=bus_users.switched(NATS, users=True)))
    assert caplog.records == []


def test_first_client_key(home, tmp_path):
    setup._ensure_first_key(keyed(tmp_path), home)
    assert (home / "secrets" / "FIRST_KEY").read_text().startswith("sk-gl-")


def test_no_temporary_folder(tmp_path):
    """A read-only container has none, and supervisord needs one."""
    script = (
        "import os, sys, tempfile; from pathlib import Path; from services.ginit.startup import setup\n"
        "def gone(): raise FileNotFoundError\n"
        "tempfile.gettempdir = gone\n"
        "setup._ensure_temporary_folder(Path('/run/x'))\n"
        "print(os.environ['TMPDIR'])"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment_of(tmp_path, {}), capture_output=True, text=True, check=True)
    assert done.stdout == "/run/x\n"
