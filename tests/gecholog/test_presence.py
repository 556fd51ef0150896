"""How a processor shows itself on the bus, beside what NATS's own client says about a service."""

import asyncio
import json
import socket

import nats
import nats.micro
import pytest
from nats.micro.service import ServiceInfo, ServicePing, ServiceStats

from gecholog import presence
from gecholog.attachment import attach
from gecholog.presence import Presence, is_present
from tests.support.waiting import DEADLINE, eventually

HERE = socket.gethostname()


async def upper(data):
    return data.upper()


@pytest.fixture
async def present(bus):
    """A processor that shows itself."""
    one = Presence("upper", "1.2.3", "Makes letters large.", await attach(bus, "coburn.gl.upper", upper))
    await one.begin(bus)
    await bus.flush()
    return one


async def asked(bus, subject):
    return json.loads(await bus.request(subject, b"", 20))


@pytest.mark.parametrize("verb", ["PING", "INFO", "STATS"])
async def test_subjects(bus, present, verb):
    """It answers for all, for its name, and for its id."""
    for subject in (f"$SRV.{verb}", f"$SRV.{verb}.upper", f"$SRV.{verb}.upper.{present.id}"):
        answer = await asked(bus, subject)
        assert answer["type"] == f"io.nats.micro.v1.{verb.lower()}_response"
        assert (answer["name"], answer["id"], answer["version"]) == ("upper", present.id, "1.2.3")
        assert answer["metadata"] == {"hostname": HERE}


async def test_info(bus, present):
    """It says what it is, and where it listens."""
    answer = await asked(bus, "$SRV.INFO.upper")
    assert answer["description"] == "Makes letters large."
    endpoint = {"name": "upper", "subject": "coburn.gl.upper", "queue_group": "anything", "metadata": {}}
    assert answer["endpoints"] == [endpoint]


async def test_stats(bus, present):
    """It says what it has done."""
    before = (await asked(bus, "$SRV.STATS.upper"))["endpoints"][0]
    assert (before["num_requests"], before["num_errors"], before["average_processing_time"]) == (0, 0, 0)
    for _ in range(3):
        await bus.request("coburn.gl.upper", b"x", 20)
    await eventually(lambda: present.attachment.counts.messages == 3)
    answer = await asked(bus, "$SRV.STATS.upper")
    after = answer["endpoints"][0]
    assert (after["num_requests"], after["num_errors"], after["last_error"]) == (3, 0, "")
    assert after["processing_time"] >= after["average_processing_time"] > 0
    assert answer["started"].endswith("Z")


async def test_the_same_as_a_service_of_nats(bus, present, plain_nats_server):
    """Each answer has every field that NATS's own client sends for a service, and can be read by it."""
    client = await nats.connect(f"nats://{plain_nats_server.hostname}", token=plain_nats_server.token)
    service = await nats.micro.add_service(client, name="reference", version="1.0.0", description="d")

    async def echo(request):
        await request.respond(b"")

    await service.add_endpoint(name="reference", handler=echo)
    try:
        for verb, kind in (("PING", ServicePing), ("INFO", ServiceInfo), ("STATS", ServiceStats)):
            ours, theirs = await asked(bus, f"$SRV.{verb}.upper"), await asked(bus, f"$SRV.{verb}.reference")
            assert_like(ours, theirs)
            assert kind.from_dict(ours).name == "upper"
    finally:
        await service.stop()
        await client.close()


def assert_like(ours, theirs):
    """`ours` has all that `theirs` has; free-form parts excepted."""
    assert type(ours) is type(theirs), (ours, theirs)
    if isinstance(theirs, dict):
        for name in theirs.keys() - {"metadata"}:
            assert name in ours
            assert_like(ours[name], theirs[name])
    elif isinstance(theirs, list):
        for mine, other in zip(ours, theirs, strict=True):
            assert_like(mine, other)


async def test_all_that_run_answer(connect, plain_nats_server):
    """There is no queue group: one that runs elsewhere does not hide the one that runs here."""
    async with connect(plain_nats_server) as bus, connect(plain_nats_server) as other:
        for one in (bus, other):
            await Presence("upper", "1.0.0", "", await attach(one, "u", upper)).begin(one)
            await one.flush()
        ids = set()

        async def on_reply(message):
            ids.add(json.loads(message.data)["id"])

        await bus.subscribe("mine", on_reply)
        await bus.publish("$SRV.PING", b"", reply="mine")
        await eventually(lambda: len(ids) == 2)


async def test_is_present(bus, present):
    """The name and the host have to be right."""
    assert await is_present(bus, "upper", HERE, DEADLINE)
    assert not await is_present(bus, "upper", "another-host", 0.05)
    assert not await is_present(bus, "lower", HERE, DEADLINE)


@pytest.mark.parametrize(
    "answer", [b"", b"{", b"[]", b"null", b"{}", b'{"metadata":1}', b'{"metadata":{}}', b'{"metadata":{"hostname":1}}']
)
async def test_odd_answers_to_a_ping(bus, answer):
    """Someone else's answer that means nothing to us is passed over."""
    asked_for = asyncio.Event()

    async def odd(message):
        await message.answer(answer)
        asked_for.set()

    await bus.subscribe("$SRV.PING.upper", odd)
    assert not await is_present(bus, "upper", HERE, 0.05)
    await asked_for.wait()


@pytest.mark.parametrize("name", ["a", "charactercount", "my-processor_2"])
def test_names(name):
    assert presence.is_name(name)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "a*", "é", "a\n", ">"])
def test_what_is_no_name(name):
    assert not presence.is_name(name)


@pytest.mark.parametrize("version", ["0.0.0", "1.2.3", "1.0.0-alpha.1", "1.0.0-0a", "1.0.0+build.5", "10.20.30-x+y"])
def test_versions(version):
    assert presence.is_version(version)


@pytest.mark.parametrize(
    "version", ["", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "1.0.0\n", "\u0661.0.0"]
)
def test_what_is_no_version(version):
    assert not presence.is_version(version)
