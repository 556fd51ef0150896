"""The port of the web interface is taken: the appliance serves calls, and says why it has no web interface."""

import json
import socket
import urllib.request

import pytest

from tests.support.waiting import DEADLINE, until
from tests.system.conftest import UP


@pytest.mark.soak  # a whole appliance; what decides it has tests of its own
@pytest.mark.timeout(300)
def test_everything_else_runs(whole_appliance):
    with socket.create_server(("127.0.0.1", whole_appliance.gui_port)):
        whole_appliance.start(*UP)
        serving = whole_appliance.folder / "checksum" / ".gl_config.sha256"
        until(serving.exists, "gl serves", seconds=4 * DEADLINE)

        def state():
            try:
                found = json.loads((whole_appliance.folder / "run" / "state.json").read_text("utf-8"))
            except (FileNotFoundError, ValueError):
                return {}
            return {one["name"]: one for one in found["services"]}

        until(
            lambda: state().get("gui", {}).get("state") == "idle", "ginit gives the interface up", seconds=4 * DEADLINE
        )
        assert str(whole_appliance.gui_port) in state()["gui"]["reason"]

        def others():
            return {one["state"] for name, one in state().items() if name != "gui"}

        until(lambda: others() == {"healthy"}, "all other services serve", seconds=4 * DEADLINE)
        with urllib.request.urlopen(f"{whole_appliance.url}/healthz", timeout=30) as reply:  # noqa: S310 - http
            assert reply.status == 200
