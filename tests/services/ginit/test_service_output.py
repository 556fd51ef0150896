"""Lines of output become events."""

from dataclasses import replace

import pytest

from gecholog.config import checksum
from gecholog.health import ChecksumFile
from gecholog.service import CONFIG_REFUSED
from services.ginit.decision.events import BecameHealthy, Confirmed, OutputSeen, Refused
from services.ginit.decision.state import Phase
from services.ginit.service_output import ServiceOutput, reload_answer
from services.ginit.store import StateStore
from tests.services.ginit.edges import appliance, definition, healthy

REFUSED = f'{{"level":"ERROR","msg":"{CONFIG_REFUSED}","path":"routers[0]","rule":"must be an object"}}'.encode()


@pytest.fixture
def store(tmp_path):
    bus = definition(tmp_path, "bus", program="/bin/nats-server")
    return StateStore(appliance(healthy(definition(tmp_path)), healthy(bus)))


@pytest.fixture
def output(tmp_path, store):
    return ServiceOutput(tmp_path, store)


def becomes(store, phase):
    store.appliance = replace(
        store.appliance, services=tuple(replace(service, phase=phase) for service in store.appliance.services)
    )


async def test_line_of_a_service_that_starts(store, output):
    """It is making progress."""
    becomes(store, Phase.STARTING)
    output.on_line("one", b"loading")
    assert await store.next() == OutputSeen("one")


@pytest.mark.parametrize("phase", [Phase.HEALTHY, Phase.STOPPING, Phase.IDLE])
def test_line_of_a_service_that_serves(store, output, phase):
    """Output is not a reason to wake ginit up, even if it looks like an answer."""
    becomes(store, phase)
    output.on_line("one", REFUSED)
    output.on_line("nobody", b"text")
    assert store.is_idle


async def test_refusal_of_a_reload(store, output):
    becomes(store, Phase.RELOADING)
    output.on_line("one", b'{"level":"INFO","msg":"something else"}')
    output.on_line("one", b"text")
    output.on_line("one", REFUSED)
    assert await store.next() == Refused("one", "routers[0]: must be an object")
    assert store.is_idle


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"[1] 2026/01/01 12:00:00.000000 [INF] Reloaded server configuration", Confirmed("bus")),
        (b"[1] 2026/01/01 12:00:00.000000 [ERR] Failed to reload server configuration: port", Refused("bus")),
        (b"[1] 2026/01/01 12:00:00.000000 [INF] Reloaded: authorization users", None),
        (b"\xff\xfe", None),
    ],
)
def test_answer_of_nats_server(store, line, answer):
    assert reload_answer(store.appliance.get("bus"), line) == answer


def test_service_does_not_answer_like_nats_server(store):
    """It confirms a reload by its checksum file."""
    assert reload_answer(store.appliance.get("one"), b"Reloaded server configuration") is None


def test_address_of_nats_server(store, output):
    """As it logs it, whenever that is; a service that logs the same words has none."""
    line = b"[1] 2026/01/01 12:00:00.000000 [INF] Listening for client connections on 0.0.0.0:4222"
    assert output.address("bus") is None
    for name in ("bus", "one"):
        output.on_line(name, line)
    assert output.address("bus") == ("127.0.0.1", 4222)
    assert output.address("one") is None


@pytest.mark.parametrize(("written", "writes_checksum"), [(b"{}", True), (b"of before", False), (None, False)])
async def test_healthy_output(store, output, tmp_path, written, writes_checksum):
    """Whether the service writes its checksum file itself is seen by the file: it names the config in force."""
    if written is not None:
        ChecksumFile.of("one", tmp_path).write(checksum(written))
    output.on_healthy_output("one")
    output.on_healthy_output("nobody")
    assert await store.next() == BecameHealthy("one", writes_checksum)
    assert store.is_idle
