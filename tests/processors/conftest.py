"""Fixtures that the tests of processors share."""

import pytest

from tests.support.nats_server import NatsServer


@pytest.fixture
def second_nats_server(tmp_path):
    """Start another bus, with the same token."""
    server = NatsServer(tmp_path / "second_nats", jetstream=False)
    server.start()
    yield server
    server.kill()
