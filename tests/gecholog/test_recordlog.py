"""The stream of records, on a real nats-server."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.bus import Bus, BusAddress
from gecholog.errors import NoAnswer
from gecholog.logs import Log
from gecholog.recordlog import (
    STREAM,
    Limits,
    NoRecordLog,
    RecordLogConfig,
    RecordLogRefused,
    ask,
    covers,
    ensure,
    ensure_fitting,
    new_config,
    widened,
)

SUBJECT = "coburn.gl.logger"


@pytest.fixture
async def connect():
    connections = []

    async def connected(server):
        bus = Bus(BusAddress.of(server.hostname, server.token), "test", Log("test"))
        connections.append((bus, asyncio.create_task(bus.run())))
        await bus.opened()
        return bus

    yield connected
    for bus, task in connections:
        await bus.close()
        await task


def limited(limits):
    return RecordLogConfig(limits=limits)


async def info(bus, stream=STREAM):
    return await ask(bus, f"STREAM.INFO.{stream}")


async def test_made_if_absent(nats_server, connect):
    """File storage, not compressed, the oldest dropped at the limits; published records are in it."""
    bus = await connect(nats_server)
    found = await ensure(bus, SUBJECT, limited(Limits(max_bytes=1 << 20, max_age_seconds=3600)))
    assert (found.name, found.subjects, found.max_bytes, found.max_age) == (STREAM, (SUBJECT,), 1 << 20, 3600)
    config = (await info(bus))["config"]
    assert config["storage"] == "file"
    assert config["compression"] == "none"
    assert config["discard"] == "old"
    assert config["duplicate_window"] == 120_000_000_000
    await bus.request(SUBJECT, b"{}", 5)
    assert (await info(bus))["state"]["messages"] == 1


async def test_the_defaults(nats_server, connect):
    """Without limits of one's own."""
    bus = await connect(nats_server)
    found = await ensure(bus, SUBJECT)
    assert (found.max_bytes, found.max_age) == (1 << 30, 7 * 24 * 3600)


async def test_never_narrowed(nats_server, connect):
    """Lower limits change nothing, no limits change nothing, higher ones widen."""
    bus = await connect(nats_server)
    await ensure(bus, SUBJECT, limited(Limits(max_bytes=2 << 20, max_age_seconds=7200)))
    for limits in (None, Limits(max_bytes=1 << 20, max_age_seconds=60)):
        found = await ensure(bus, SUBJECT, limited(limits))
        assert (found.max_bytes, found.max_age) == (2 << 20, 7200)
    found = await ensure(bus, SUBJECT, limited(Limits(max_bytes=3 << 20, max_age_seconds=0)))
    assert (found.max_bytes, found.max_age) == (3 << 20, 0)


async def test_compression(nats_server, connect):
    """It changes only if the config names one; records that are stored stay readable."""
    bus = await connect(nats_server)
    await ensure(bus, SUBJECT, RecordLogConfig(compression="s2"))
    await bus.request(SUBJECT, b"{}", 5)
    for named, expected in (("", "s2"), ("none", "none"), ("", "none"), ("s2", "s2")):
        await ensure(bus, SUBJECT, RecordLogConfig(compression=named))
        found = await info(bus)
        assert (found["config"]["compression"], found["state"]["messages"]) == (expected, 1)
    message = await ask(bus, f"STREAM.MSG.GET.{STREAM}", {"seq": 1})
    assert message["message"]["subject"] == SUBJECT


async def test_another_subject(nats_server, connect):
    """A further logger topic is captured by the same stream, which keeps the first, and its records."""
    bus = await connect(nats_server)
    await ensure(bus, SUBJECT)
    await bus.publish(SUBJECT, b"{}")
    found = await ensure(bus, "acme.records")
    assert set(found.subjects) == {SUBJECT, "acme.records"}
    assert (await info(bus))["state"]["messages"] == 1


async def test_someones_own_stream(nats_server, connect):
    """A stream that captures the subject already is taken as it is."""
    bus = await connect(nats_server)
    await ask(bus, "STREAM.CREATE.MINE", {"name": "MINE", "subjects": ["coburn.>"], "storage": "memory"})
    before = (await info(bus, "MINE"))["config"]
    found = await ensure(bus, SUBJECT, limited(Limits()))
    assert (found.name, found.max_bytes, found.max_age) == ("MINE", 0, 0)
    assert (await info(bus, "MINE"))["config"] == before
    with pytest.raises(RecordLogRefused):
        await info(bus)


async def test_many_come_at_once(nats_server, connect):
    """Whoever comes first makes it; the others find it."""
    buses = [await connect(nats_server) for _ in range(4)]
    found = await asyncio.gather(*(ensure(bus, SUBJECT) for bus in buses))
    assert {stream.name for stream in found} == {STREAM}


async def test_without_jetstream(plain_nats_server, connect):
    """Said by an error of its own."""
    bus = await connect(plain_nats_server)
    with pytest.raises(NoRecordLog):
        await ensure(bus, SUBJECT)


@pytest.mark.parametrize("nonsense", [b"", b"{}", b"[]", b"x", b'{"config":3}', b'{"error":5}'])
async def test_someone_else_answers(nonsense):
    """A stranger who answers everything on the bus is not taken for JetStream: ask again."""

    class Stranger:
        async def request(self, subject, data, timeout):  # noqa: ASYNC109 - the bus's own
            return b'{"streams":["GECHOLOG"]}' if subject.endswith("NAMES") else nonsense

    with pytest.raises(NoAnswer):
        await ensure(Stranger(), SUBJECT)


async def test_no_room(nats_server, connect):
    """A stream that the server has no room for is refused with its reason."""
    bus = await connect(nats_server)
    with pytest.raises(RecordLogRefused, match="storage"):
        await ensure(bus, SUBJECT, limited(Limits(max_bytes=1 << 50)))


async def test_a_small_disk(nats_server, connect):
    """The default takes the half, and half of that, where there is no room; limits of a config are not changed."""
    bus = await connect(nats_server)
    ballast = {"name": "BALLAST", "subjects": ["x"], "storage": "file", "max_bytes": 700 << 20}
    await ask(bus, "STREAM.CREATE.BALLAST", ballast)
    with pytest.raises(RecordLogRefused):
        await ensure(bus, SUBJECT, limited(Limits()))
    assert (await ensure(bus, SUBJECT)).max_bytes == 256 << 20


async def test_kept_over_a_crash(nats_server, connect):
    """A record that the stream has confirmed outlives the server's death."""
    bus = await connect(nats_server)
    await ensure(bus, SUBJECT)
    await bus.request(SUBJECT, b'{"n":1}', 5)
    await asyncio.to_thread(nats_server.kill)
    await asyncio.to_thread(nats_server.start)
    other = await connect(nats_server)
    assert (await info(other))["state"]["messages"] == 1


limits = st.builds(Limits, max_bytes=st.integers(0, 5), max_age_seconds=st.integers(0, 5))
wishes = st.builds(RecordLogConfig, replicas=st.integers(1, 5), limits=st.none() | limits)
configs = st.fixed_dictionaries(
    {"subjects": st.lists(st.sampled_from(["a", "a.b", "a.*", "c.>"])), "other": st.integers()},
    optional={
        "max_bytes": st.integers(-1, 5),
        "max_age": st.integers(0, 5).map(lambda n: n * 1_000_000_000),
        "num_replicas": st.integers(1, 5),
    },
)


@given(configs, st.sampled_from(["a", "a.b", "c.d.e"]), wishes)
def test_only_ever_wider(config, subject, wanted):
    """Subjects are added, limits and replicas raised, nothing else is touched; done twice it is the same."""
    wide = widened(config, subject, wanted)
    assert wide["subjects"][: len(config["subjects"])] == config["subjects"]
    assert any(covers(pattern, subject) for pattern in wide["subjects"])
    for name in ("max_bytes", "max_age"):
        before, after = (value.get(name, 0) or 0 for value in (config, wide))
        assert after <= 0 or 0 < before <= after
    assert wide["other"] == config["other"]
    assert wide.get("num_replicas", 1) == max(config.get("num_replicas", 1), wanted.replicas)
    assert widened(wide, subject, wanted) == wide


@given(wishes)
def test_new_is_wide_enough(wanted):
    """What is made need not be widened, and its duplicate window is no longer than its age."""
    config = new_config("a", wanted)
    assert widened(config, "a", wanted) == config
    assert not config["max_age"] or config["duplicate_window"] <= config["max_age"]


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.c", False),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("*.b", "a.b", True),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        (">", "a", True),
        ("a", "a.b", False),
    ],
)
def test_covers(pattern, subject, expected):
    """NATS's wildcards."""
    assert covers(pattern, subject) is expected


def test_limits_of_a_config():
    """Hours in the file, seconds in the stream."""
    assert Limits.of({}) == Limits()
    assert Limits.of({"max_bytes": 5, "max_age_hours": 2, "duplicate_window_seconds": 7}) == Limits(5, 7200, 7)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"service_bus": {}}, RecordLogConfig()),
        ({"service_bus": {"namespace": "", "replicas": 3}}, RecordLogConfig(replicas=3)),
        ({"service_bus": {"namespace": "team-b"}}, RecordLogConfig("TEAM-B")),
        ({"service_bus": {"replicas": 3}, "record_log": {}}, RecordLogConfig(replicas=3, limits=Limits())),
        ({"service_bus": {"replicas": 3}, "record_log": {"replicas": 5}}, RecordLogConfig("GECHOLOG", 5, Limits())),
    ],
)
def test_config(values, expected):
    """The record log may have another number of replicas than the rest of what is on the bus."""
    assert RecordLogConfig.of(values) == expected


async def test_fitting(nats_server, connect):
    """Where there is no room for what a config asks for, a smaller stream is made, and kept by who asks next."""
    bus = await connect(nats_server)
    ballast = {"name": "BALLAST", "subjects": ["x"], "storage": "file", "max_bytes": 900 << 20}
    await ask(bus, "STREAM.CREATE.BALLAST", ballast)
    wanted = Limits(max_bytes=1 << 40, max_age_seconds=60)
    made = await ensure_fitting(bus, SUBJECT, limited(wanted))
    assert (made.max_bytes, made.max_age) == (64 << 20, 60)
    assert await ensure_fitting(bus, SUBJECT, limited(wanted)) == made
    assert (await ensure_fitting(bus, SUBJECT, limited(replace(wanted, max_age_seconds=90)))).max_age == 90
    assert (await ensure_fitting(bus, SUBJECT)).max_bytes == 64 << 20


async def test_nothing_fits(nats_server, connect):
    """The refusal says that it is for want of room."""
    bus = await connect(nats_server)
    ballast = {"name": "BALLAST", "subjects": ["x"], "storage": "file", "max_bytes": 1020 << 20}
    await ask(bus, "STREAM.CREATE.BALLAST", ballast)
    for limits in (None, Limits(max_bytes=1 << 40)):
        with pytest.raises(RecordLogRefused) as caught:
            await ensure_fitting(bus, SUBJECT, limited(limits))
        assert caught.value.is_no_room


async def test_a_very_small_disk(nats_server, connect):
    """A few megabytes are enough for a stream."""
    bus = await connect(nats_server)
    ballast = {"name": "BALLAST", "subjects": ["x"], "storage": "file", "max_bytes": 1008 << 20}
    await ask(bus, "STREAM.CREATE.BALLAST", ballast)
    assert (await ensure(bus, SUBJECT)).max_bytes == 16 << 20
