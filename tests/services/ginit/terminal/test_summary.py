"""The summary when the start of all services is over."""

import json
import socket

from services.ginit.startup.ports import Port
from services.ginit.startup.prepare import DEFAULTS
from services.ginit.terminal import summary
from services.ginit.terminal.installation import Installation
from services.ginit.terminal.palette import Palette
from tests.services.ginit.terminal.sink import home_with_a_sink


def test_new_fields_of_shipped_files():
    """A line for each file, with the first of them."""
    assert list(
        summary.upgrade_hints([("gl_config.json", ["errors", "gl_host"]), ("other.json", list("abcdefg"))])
    ) == [
        "  gl_config.json is yours; new in the shipped file: errors, gl_host: make config-diff",
        "  other.json is yours; new in the shipped file: a, b, c, d, e and 2 more: make config-diff",
    ]


def test_a_sink_that_is_off(tmp_path):
    """While it is healthy it is off; what is wrong with it is said all the same."""
    installation, palette = home_with_a_sink(tmp_path), Palette(enabled=False)
    for state, said in (("healthy", "off"), ("idle", "idle      ended")):
        services = [{"name": "nats2log", "state": state, "reason": "" if state == "healthy" else "ended"}]
        lines = list(summary.services({"services": services}, installation, palette))
        assert lines == [f"  nats2log  {said}"]


def test_summary_names_the_first_key(tmp_path):
    """As long as the file is there. Never the key."""
    lines = list(summary.first_steps(tmp_path, {}, tmp_path / "secrets" / "FIRST_KEY"))
    assert f"  client key  {tmp_path}/secrets/FIRST_KEY (clients on other machines need it)" in lines
    assert not [line for line in summary.first_steps(tmp_path, {}) if "client key" in line]


def test_the_address_of_the_web_interface_only_if_it_serves(tmp_path):
    class WithGui(Installation):
        @property
        def ports(self):
            return {"gui": 8080}

    def lines(state):
        entry = {"name": "gui", "state": state, "reason": "port 8080 is taken"}
        return "\n".join(summary.render({"services": [entry]}, WithGui(tmp_path, {}), Palette(enabled=False)))

    assert "http://localhost:8080" in lines("healthy")
    assert "http://localhost:8080" not in lines("idle")


def test_a_service_whose_port_is_taken(tmp_path):
    """The summary names the port and the file with it, also between two attempts to start, which have no reason yet."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = Port(other.getsockname()[1], "gui", tmp_path / "gui_config.json")
        installation = Installation(tmp_path, {})
        installation.__dict__["_ports"] = {"gui": taken}  # a cached property

        def line(state, starts, reason=""):
            entry = {"name": "gui", "state": state, "reason": reason, "starts": starts}
            [found] = summary.services({"services": [entry]}, installation, Palette(enabled=False))
            return found.split(maxsplit=2)[2]

        told = f"port {taken.number} is taken by another program: end that program, or set another port in {taken.file}"
        assert line("starting", 2) == line("pausing", 1, "exit code 1") == line("idle", 6, "it ended") == told
        assert line("starting", 1) == line("healthy", 2) == f"port {taken.number}"  # it may be the one that listens
    assert line("idle", 6, "it ended 6 times in a row") == "it ended 6 times in a row"


def test_summary_names_what_is_new(tmp_path):
    """Read from the files of the home."""
    values = json.loads((DEFAULTS / "gl_config.json").read_text())
    del values["gl_host"]
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "gl_config.json").write_text(json.dumps(values))
    lines = list(summary.render({"services": []}, Installation(tmp_path, {}), Palette(enabled=False)))
    assert "  gl_config.json is yours; new in the shipped file: gl_host: make config-diff" in lines
