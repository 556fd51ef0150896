"""Gateways with two workers, on a bus with JetStream."""

import pytest

from tests.services.gl.rig.bus import Listener
from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.workers.running_workers import RunningWorkers
from tests.support.dummy import Dummy
from tests.support.nats_server import NatsServer


@pytest.fixture(scope="module")
def stream_server(tmp_path_factory):
    server = NatsServer(tmp_path_factory.mktemp("bus"), jetstream=True)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def records(stream_server):
    """What is on that bus."""
    listener = Listener(stream_server)
    yield listener
    listener.stop()


@pytest.fixture(scope="module")
def dummy(tmp_path_factory):
    """The upstream: it survives any load."""
    started = Dummy(tmp_path_factory.mktemp("dummy") / "home", {})
    started.process.wait_for_log("http server initialized")
    yield started
    started.process.close()


@pytest.fixture
def workers(tmp_path, stream_server, dummy):
    """A gateway with two workers: `/dummy/` leads to the dummy."""
    routers = [router("/dummy/", f"http://127.0.0.1:{dummy.port}"), router("/echo/", "http://127.0.0.1:1")]
    values = config_of(stream_server.hostname, routers, workers=2)
    started = RunningWorkers(Gateway(tmp_path / "gl", stream_server, values).ready())
    yield started
    started.gateway.close()
