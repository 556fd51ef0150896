"""Fixtures of gl's tests: one bus, one upstream and one gateway with a plain config are shared by all tests."""

from contextlib import contextmanager

import pytest

from tests.services.gl.rig.bus import Listener
from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.rig.stage import call_of
from tests.services.gl.rig.upstream import Upstream
from tests.support.nats_server import NatsServer


@pytest.fixture(scope="session")
def bus_server(tmp_path_factory):
    """A nats-server without JetStream that all tests share; its max_payload is 1 MiB."""
    server = NatsServer(tmp_path_factory.mktemp("bus"), jetstream=False, max_payload=1024 * 1024)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def shared_listener(bus_server):
    listener = Listener(bus_server)
    yield listener
    listener.stop()


@pytest.fixture
def bus(shared_listener):
    """What is on the bus."""
    shared_listener.reset()
    yield shared_listener
    shared_listener.reset()


@pytest.fixture(scope="session")
def shared_upstream():
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture
def upstream(shared_upstream):
    """The upstream that the routers of `gateway` lead to."""
    shared_upstream.reset()
    yield shared_upstream
    shared_upstream.reset()


@pytest.fixture(scope="session")
def gateways(tmp_path_factory, bus_server):
    """A context that starts gateways, and kills those that still run when it ends."""

    @contextmanager
    def starting():
        running = []

        def start(routers, *, server=bus_server, env=None, run_by=(), **more):
            values = config_of(server.hostname, routers, **more)
            gateway = Gateway(tmp_path_factory.mktemp("gl"), server, values, env, run_by)
            running.append(gateway)
            return gateway.ready()

        try:
            yield start
        finally:
            for gateway in running:
                gateway.close()

    return starting


@pytest.fixture(scope="module")
def run_gateway(gateways):
    """Starts gateways, which run until the end of the module: ninety of them would take memory and CPU beside tests."""
    with gateways() as start:
        yield start


@pytest.fixture(scope="session")
def gateway(gateways, shared_upstream):
    """A gateway without processors: `/service/` leads to the upstream, `/locked/` wants a key."""
    routers = [
        router("/service/", shared_upstream.url),
        router("/locked/", shared_upstream.url, required={"Api-Key": ["the-key-of-the-caller"]}),
        router("/echo/", "http://127.0.0.1:1"),
    ]
    with gateways() as start:
        yield start(routers)


@pytest.fixture
def make_call():
    """Makes calls for tests of single stages."""
    return call_of
