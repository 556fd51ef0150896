"""The broker as a process, a client of its bus, and gl in front of upstreams."""

import json
from functools import partial

import pytest
from hypothesis import settings

from tests.processors.asking import asking
from tests.processors.broker.rig import REQUEST_ENTRY, RESPONSE_ENTRY, TARGETS, Client
from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.rig.upstream import Upstream

# single examples may be slow on a loaded machine
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def config(nats_server):
    """Return a config with one group, `/a/` with three targets."""
    return {
        "version": "1.1.0",
        "log_level": "INFO",
        "service_bus": {"hostname": nats_server.hostname, "topic": "coburn.gl.broker", "token": "${NATS_TOKEN}"},
        "groups": [{"router": "/a/", "targets": [{"router": path} for path in TARGETS]}],
    }


@pytest.fixture
def start(run_service, nats_server):
    """Return a function that starts a broker and waits until it listens."""

    def begin(values, alias="broker", **env):
        process = run_service("processors.broker", values, alias=alias, env={"NATS_TOKEN": nats_server.token} | env)
        process.wait_for_log("listening for messages")
        return process

    return begin


@pytest.fixture
def reload(tmp_path):
    """Give a broker a new config, and wait for its log message."""

    def give(process, values, message="config in force"):
        (tmp_path / f"{process.alias}_config.json").write_text(json.dumps(values))
        process.hang_up()
        process.wait_for_log(message)

    return give


@pytest.fixture
def client():
    """Connect to a bus: `async with client(nats_server) as asking`."""

    return partial(asking, Client)


@pytest.fixture
def upstreams():
    """Return an upstream for each target, by path."""
    made = {path: Upstream() for path in TARGETS}
    yield made
    for upstream in made.values():
        upstream.stop()


@pytest.fixture
def gateway(tmp_path, nats_server, upstreams):
    """Return a function that starts a gl whose calls to `/a/` go through the broker."""
    running = []

    def start(request=REQUEST_ENTRY, response=RESPONSE_ENTRY):
        routers = [router(path, upstream.url) for path, upstream in upstreams.items()]
        values = config_of(
            nats_server.hostname,
            [router("/a/", "http://127.0.0.1:1"), *routers],
            request={"processors": [[request]]},
            response={"processors": [[response]]},
            log_level="INFO",
        )
        started = Gateway(tmp_path / "gl", nats_server, values)
        running.append(started)
        return started.ready()

    yield start
    for started in running:
        started.close()
