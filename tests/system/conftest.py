"""The real appliance with its default configs, on ports that nobody else has."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.appliance import Home
from tests.support.ports import free_port, with_ports

CONF = Path(__file__).parents[2] / "conf"
UP = (sys.executable, "-m", "services.ginit.up")


class Default(Home):
    """A home folder with the default configs, except the ports."""

    def __init__(self, folder):
        super().__init__(folder)
        self.nats_port, self.gl_port, self.dummy_port, self.gui_port = (free_port() for _ in range(4))
        ports = {"4222": self.nats_port, "5380": self.gl_port, "5390": self.dummy_port, "8080": self.gui_port}
        ports["5381"] = free_port()  # gl's admin port
        for file in filter(Path.is_file, CONF.iterdir()):
            (folder / "conf" / file.name).write_text(with_ports(file.read_text("utf-8"), ports), "utf-8")

    def change(self, name, **fields):
        """Write other values into a config file, all at once."""
        file = self.config(name)
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps(json.loads(file.read_text("utf-8")) | fields), "utf-8")
        beside.replace(file)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.gl_port}"

    def records(self):
        """The calls that were logged so far."""
        try:
            lines = (self.folder / "log" / "gecholog.jsonl").read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def leave_out(self, *names):
        """Take services out of the appliance."""
        services = json.loads(self.config("ginit_config").read_text("utf-8"))["services"]
        self.change("ginit_config", services=[one for one in services if one["name"] not in names])


@pytest.fixture
def whole_appliance(tmp_path):
    """The appliance, not yet started; whatever still runs after the test is killed."""
    made = Default(tmp_path / "app")
    yield made
    made.close()


@pytest.fixture
def appliance(whole_appliance):
    """The same without web interface and ledger, which take half of the CPU of a start."""
    whole_appliance.leave_out("gui", "nats2ledger")
    return whole_appliance
