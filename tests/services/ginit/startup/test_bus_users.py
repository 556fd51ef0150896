"""Who may log in to the bus: what the switch makes of a config. tests/conf/test_nats_server.py tries the users."""

import subprocess

import pytest

from services.ginit.startup import bus_users
from services.ginit.startup.prepare import DEFAULTS, CannotStart
from tests.support.nats_server import PROGRAM

SHIPPED = (DEFAULTS / "nats-server.conf").read_text("utf-8")
VARIABLES = {
    "NATS_LISTEN": "127.0.0.1",
    "NATS_TOKEN": "Token",
    "NATS_PROCESSOR_PASSWORD": "Password",
    "NATS_STORE_DIR": "store",
}


@pytest.mark.parametrize(
    ("environ", "users"), [({}, None), ({"NATS_USERS": "on"}, True), ({"NATS_USERS": "off"}, False)]
)
def test_wanted(environ, users):
    assert bus_users.wanted(environ) is users


def test_another_value():
    """A switch that is misspelt must not leave the bus open without a word."""
    with pytest.raises(CannotStart, match="NATS_USERS must be on or off"):
        bus_users.wanted({"NATS_USERS": "yes"})


def test_there_and_back():
    """The token ships. Both forms are configs of nats-server, and each can be made from the other."""
    assert bus_users.switched(SHIPPED, users=False) == SHIPPED
    on = bus_users.switched(SHIPPED, users=True)
    assert on != SHIPPED
    assert bus_users.switched(on, users=True) == on
    assert bus_users.switched(on, users=False) == SHIPPED
    assert "\nauthorization {\n    users: [\n" in on
    assert "\n#authorization {\n#    token: $NATS_TOKEN\n#}\n" in on


@pytest.mark.parametrize("users", [True, False])
def test_nats_server_takes_it(users, tmp_path):
    config = tmp_path / "nats-server.conf"
    config.write_text(bus_users.switched(SHIPPED, users=users), "utf-8")
    done = subprocess.run(
        [PROGRAM, "-t", "-c", str(config)], env=VARIABLES, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "config",
    [
        "",
        "authorization {\n    token: $NATS_TOKEN\n}\n",
        "authorization { token: a }\n",
        "authorization {\n    users: [{user: a, password: b}]\n}\n#authorization {\n#    users: []\n#}\n",
    ],
)
def test_a_config_of_another_make(config):
    """A config without the two blocks is not touched."""
    assert bus_users.switched(config, users=True) is None
