"""What is particular about nats-server."""

from pathlib import Path

import pytest

from services.ginit.nats_server import ReloadResult, jetstream_arguments, reload_result, variables

STORE = Path("/home/nats")
ON = ("-js", "-sd", "/home/nats")


@pytest.mark.parametrize(
    ("config", "arguments"),
    [
        ("port: 4222\nauthorization {\n token: $NATS_TOKEN\n}", ON),
        ("port: 4222\n# jetstream {}\n// jetstream: true", ON),
        ("server_name: my_jetstream", ON),
        ("jetstream { store_dir: /data }", ()),
        ("port: 4222\njetstream: enabled\n", ()),
        ("jetstream=false", ()),
        ('{"port": 4222, "jetstream": {}}', ()),
    ],
)
def test_jetstream_is_turned_on_where_the_config_does_not_speak_of_it(config, arguments):
    """Someone who speaks of it has decided."""
    assert jetstream_arguments(config, STORE) == arguments


def test_memory_has_a_limit():
    """Unless someone has decided."""
    assert variables({"HOME": "/"}) == {"GOMEMLIMIT": "640MiB"}
    assert variables({"GOMEMLIMIT": "off"}) == {}


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("[1] 2026/11/21 09:47:09.647344 [INF] Reloaded server configuration", ReloadResult.DONE),
        ("[1] 2026/11/21 09:47:09.647344 [ERR] Failed to reload server configuration: no Port", ReloadResult.FAILED),
        ("[1] 2026/11/21 09:47:09.647344 [INF] Server is ready", None),
    ],
)
def test_what_it_says_of_a_reload(line, result):
    """Its own words, as its version 2.15 has them."""
    assert reload_result(line) is result
