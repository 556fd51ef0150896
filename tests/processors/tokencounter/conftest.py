"""The token counter as a process, and a client of its bus."""

import json
from functools import partial

import pytest
from hypothesis import settings

from tests.processors.asking import Asking, asking

# single examples may be slow on a loaded machine
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def config(nats_server):
    """Return a config with a cap of 100 on `/capped/`."""
    return {
        "version": "1.0.1",
        "log_level": "INFO",
        "service_bus": {"hostname": nats_server.hostname, "topic": "coburn.gl.tokencounter", "token": "${NATS_TOKEN}"},
        "cap_period_seconds": 3600,
        "token_caps": [{"router": "/capped/", "fields": [{"field": "total", "value": 100}]}],
        "usage_fields": [
            {"router": "default", "patterns": [{"field": "total", "pattern": "inbound_payload.usage.total_tokens"}]}
        ],
    }


@pytest.fixture
def start(run_service, nats_server):
    """Return a function that starts a token counter and waits until it listens."""

    def begin(values, alias="tokencounter"):
        env = {"NATS_TOKEN": nats_server.token}
        process = run_service("processors.tokencounter", values, alias=alias, env=env)
        process.wait_for_log("listening for messages")
        return process

    return begin


@pytest.fixture
def reload(tmp_path):
    """Give a token counter a new config, and wait for its log message."""

    def give(process, values, message):
        text = values if isinstance(values, str) else json.dumps(values)
        (tmp_path / f"{process.alias}_config.json").write_text(text)
        process.hang_up()
        process.wait_for_log(message)

    return give


class Client(Asking):
    """Sends requests on a bus."""

    SUBJECT = "coburn.gl.tokencounter"

    async def tell(self, message):
        """Send a message without waiting for a reply."""
        await self.bus.publish(self.SUBJECT, message)


@pytest.fixture
def client():
    """Connect to a bus: `async with client(nats_server) as asking`."""

    return partial(asking, Client)
