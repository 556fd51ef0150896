"""The REST sink with a real HTTP server."""

import asyncio
import dataclasses
import json

import pytest

from gecholog.tls import OutboundTls
from services.nats2log.config import RestWriter
from services.nats2log.entry import RecordEntry
from services.nats2log.sinks.rest import make
from services.nats2log.sinks.sink import FaultKind
from tests.support.target import Answer
from tests.support.waiting import eventually


def entries(*numbers):
    return [RecordEntry(json.dumps({"n": number}).encode(), f"id-{number}") for number in numbers]


@pytest.fixture
async def open_sink():
    sinks = []

    async def opened(target, tls=None, **fields):
        address = f"{target.url}{fields.pop('endpoint', '/log')}"
        sink = make(dataclasses.replace(RestWriter(address, timeout_ms=5000), **fields), tls or OutboundTls())
        sinks.append(sink)
        await sink.open()
        return sink

    yield opened
    for sink in sinks:
        await sink.close()


async def test_one_call_a_record(open_sink, target):
    """A record is sent unchanged, with the configured headers and few others."""
    sink = await open_sink(target, headers=(("X-Kit", "one"), ("X-Kit", "two")), endpoint="/log//in?a=%2F;b")
    assert (
        await sink.write(
            [
                RecordEntry(b'{"a":  1,\n "b": 2}', "id-1"),
            ]
        )
        == []
    )
    (request,) = target.requests
    assert request.target == "/log//in?a=%2F;b"
    assert request.body == b'{"a":  1,\n "b": 2}'
    assert request.values("X-Kit") == ["one", "two"]
    names = {name.lower() for name, _ in request.headers}
    assert names <= {b"host", b"x-kit", b"idempotency-key", b"accept-encoding", b"user-agent", b"content-length"}


async def test_no_id_no_key(open_sink, target):
    """A record without an id has no Idempotency-Key. A configured one is not replaced."""
    sink = await open_sink(target)
    assert await sink.write([RecordEntry(b"{}")]) == []
    assert target.requests[0].values("Idempotency-Key") == []
    sink = await open_sink(target, headers=(("idempotency-key", "mine"),))
    assert await sink.write(entries(1)) == []
    assert target.requests[1].values("Idempotency-Key") == ["mine"]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_written(open_sink, target, status):
    """Every status below 300 is a success."""
    target.usual = Answer(status=status)
    sink = await open_sink(target)
    assert await sink.write(entries(1)) == []


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413, 422, 499])
async def test_refused(open_sink, target, status):
    """Statuses that concern the record reject it. Redirects are not followed."""
    target.usual = Answer(status=status, headers=[("Location", "/elsewhere")])
    sink = await open_sink(target)
    failures = await sink.write(entries(1, 2))
    assert [(failure.fault.kind, failure.fault.reason) for failure in failures] == [
        (FaultKind.REJECTED, f"status {status}")
    ] * 2
    assert len(target.requests) == 2


@pytest.mark.parametrize("answer", [Answer(status=408), Answer(status=429), Answer(status=500), Answer(drop=True)])
async def test_outage(open_sink, target, answer):
    """Statuses of temporary failures are an outage. The following records are not tried."""
    target.usual = answer
    sink = await open_sink(target, concurrency=1)
    failures = await sink.write(entries(1, 2, 3))
    assert [failure.fault.kind for failure in failures] == [FaultKind.OUTAGE] * 3
    assert len(target.requests) == 1


async def test_a_record_that_is_turned_away(open_sink, target):
    """A 429 concerns only its call. The other calls are made."""
    target.usual = lambda request: Answer(status=429 if request.body == b'{"n":3}' else 200)
    sink = await open_sink(target, concurrency=2)
    batch = [RecordEntry(b'{"n":%d}' % number) for number in range(20)]
    (failure,) = await sink.write(batch)
    assert (failure.entry.data, failure.fault.kind) == (b'{"n":3}', FaultKind.BUSY)
    assert len(target.requests) == 20


async def test_a_target_that_turns_all_away(open_sink, target):
    """After several failures in a row, the rest is not tried."""
    target.usual = Answer(status=429)
    sink = await open_sink(target, concurrency=2)
    failures = await sink.write(entries(*range(100)))
    assert [failure.fault.kind for failure in failures] == [FaultKind.BUSY] * 100
    assert len(target.requests) == 6


async def test_time_out(open_sink, target):
    """A timeout is an outage."""
    never = asyncio.Event()
    target.usual = Answer(delay=never)
    sink = await open_sink(target, timeout_ms=100)
    (failure,) = await sink.write(entries(1))
    assert (failure.fault.kind, failure.fault.reason) == (FaultKind.OUTAGE, "request timed out")


async def test_retry_after(open_sink, target):
    """The requested delay is returned."""
    target.usual = Answer(status=429, headers=[("Retry-After", "12")])
    sink = await open_sink(target)
    (failure,) = await sink.write(entries(1))
    assert failure.fault.retry_after == 12


async def test_calls_at_once(open_sink, target):
    """As many calls run concurrently as configured."""
    gate = asyncio.Event()
    target.usual = Answer(delay=gate)
    sink = await open_sink(target, concurrency=3)
    writing = asyncio.create_task(sink.write(entries(*range(10))))
    await eventually(lambda: len(target.requests) == 3)
    gate.set()
    assert await writing == []
    assert target.connections == 3


async def test_ndjson(open_sink, target):
    """A call has many records, one per line."""
    sink = await open_sink(target, batch="ndjson")
    assert await sink.write([RecordEntry(b'{"a":\n1}'), *entries(2)]) == []
    (request,) = target.requests
    assert request.body == b'{"a": 1}\n{"n": 2}\n'
    assert request.value("Content-Type") == "application/x-ndjson"


async def test_array(open_sink, target):
    """A call has many records as a JSON array. The configured content type is used."""
    sink = await open_sink(target, batch="array", headers=(("content-type", "application/vnd.x+json"),))
    assert await sink.write(entries(1, 2)) == []
    (request,) = target.requests
    assert json.loads(request.body) == [{"n": 1}, {"n": 2}]
    assert request.value("Content-Type") == "application/vnd.x+json"


async def test_refused_in_a_batch(open_sink, target):
    """A bad record is found by dividing the batch. A record that is not JSON is not put into a batch."""
    taken = []

    def picky(request):
        records = json.loads(request.body)
        if {"n": 7} in records:
            return Answer(status=400)
        taken.extend(record["n"] for record in records)
        return Answer()

    target.usual = picky
    sink = await open_sink(target, batch="array")
    failures = await sink.write([*entries(*range(16)), RecordEntry(b"no json")])
    assert {failure.entry.data for failure in failures} == {b'{"n": 7}', b"no json"}
    assert sorted(taken) == [number for number in range(16) if number != 7]


async def test_over_tls(open_sink, tls_target, tls_files):
    """The tls section sets the trusted CAs."""
    trusting = await open_sink(tls_target, OutboundTls(system_cert_pool=False, cert_files=(str(tls_files.authority),)))
    assert await trusting.write(entries(1)) == []
    strict = await open_sink(tls_target, OutboundTls())
    (failure,) = await strict.write(entries(2))
    assert failure.fault.kind is FaultKind.OUTAGE
    careless = await open_sink(tls_target, OutboundTls(insecure=True))
    assert await careless.write(entries(3)) == []
