"""What the terminal knows of a home folder."""

import json

from gecholog.health import ChecksumFile
from services.ginit.startup.prepare import DEFAULTS
from services.ginit.terminal.installation import Installation
from tests.services.ginit.terminal.sink import SUM, home_with_a_sink

ENVIRON = {"NATS_TOKEN": "abc", "NATS_PROCESSOR_PASSWORD": "def", "GUI_SECRET": "ghi"}


def default_home(home):
    """A home with all of the default files."""
    (home / "conf").mkdir()
    for file in DEFAULTS.iterdir():
        if file.is_file():
            (home / "conf" / file.name).write_bytes(file.read_bytes())
    return Installation(home, ENVIRON)


def edit(home, name, **fields):
    file = home / "conf" / name
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | fields))


def test_no_home_yet(tmp_path):
    """Before the first start there is nothing, and nothing fails."""
    installation = Installation(tmp_path, ENVIRON)
    assert (installation.ports, installation.gateway, installation.reports()) == ({}, None, [])
    assert installation.new_fields() == []
    assert not installation.is_off("gl")


def test_ports(tmp_path):
    """Those of the default files."""
    ports = default_home(tmp_path).ports
    assert (ports["nats-server"], ports["gl"]) == (4222, 5380)
    assert "nats2file" not in ports


def test_port_that_the_user_has_set(tmp_path):
    installation = default_home(tmp_path)
    edit(tmp_path, "gl_config.json", gl_port=8080)
    assert installation.ports["gl"] == 8080


def test_gateway(tmp_path):
    """Where its records go, and its routers."""
    gateway = default_home(tmp_path).gateway
    assert gateway.subject == "coburn.gl.logger"
    assert "/dummy/" in [router.path for router in gateway.routers]


def test_config_that_is_not_valid(tmp_path):
    """Its validation says what is wrong; the terminal goes without."""
    installation = default_home(tmp_path)
    (tmp_path / "conf" / "ginit_config.json").write_text("{")
    assert (installation.ports, installation.gateway) == ({}, None)


def test_sink_that_is_off(tmp_path):
    installation = home_with_a_sink(tmp_path)
    assert installation.is_off("nats2log")
    assert not installation.is_off("nats2file")


def test_reports_name_what_is_left_out(tmp_path):
    """A service that has left out nothing has nothing to report."""
    installation = home_with_a_sink(tmp_path)
    assert installation.reports() == []
    report = {"checksum": SUM, "left_out": [{"entry": "router /a/"}]}
    ChecksumFile.of("nats2log", tmp_path).write(SUM, report)
    assert installation.reports() == [report]


def test_fields_that_are_new_in_a_shipped_file(tmp_path):
    """Only for files that the user has edited."""
    installation = default_home(tmp_path)
    assert installation.new_fields() == []
    values = json.loads((tmp_path / "conf" / "gl_config.json").read_text("utf-8"))
    del values["gl_host"]
    (tmp_path / "conf" / "gl_config.json").write_text(json.dumps(values))
    assert installation.new_fields() == [("gl_config.json", ["gl_host"])]
