"""The Elasticsearch sink with a server that checks the grammar of requests."""

import dataclasses
import json

import pytest

from gecholog.tls import OutboundTls
from services.nats2log.config import ElasticWriter
from services.nats2log.entry import RecordEntry
from services.nats2log.sinks.elastic import make
from services.nats2log.sinks.sink import FaultKind
from tests.services.nats2log.sinks.fake_elastic import FakeElastic, basic
from tests.support.target import Answer

WRITER = ElasticWriter(address="", index="coburn1", username="elastic", password="TheSecret", timeout_ms=5000)


def entries(*numbers):
    return [RecordEntry(json.dumps({"n": number}).encode(), f"id-{number}") for number in numbers]


@pytest.fixture
async def open_sink():
    """Return a function that opens sinks, and close them after the test."""
    sinks = []

    async def opened(target, tls=None, **fields):
        writer = dataclasses.replace(WRITER, address=target.url, **fields)
        sink = make(writer, tls or OutboundTls())
        sinks.append(sink)
        await sink.open()
        return sink

    yield opened
    for sink in sinks:
        await sink.close()


async def test_documents(open_sink, target):
    """One bulk call: each record is a document with the record's id. The index is created first."""
    target.usual = elastic = FakeElastic(basic("elastic", "TheSecret"))
    sink = await open_sink(target)
    assert await sink.write(entries(1, 2, 3)) == []
    assert elastic.documents == {"id-1": {"n": 1}, "id-2": {"n": 2}, "id-3": {"n": 3}}
    assert elastic.bulk_sizes == [3]
    assert elastic.indices["coburn1"]["mappings"]["dynamic"] is False
    assert await sink.write(entries(4)) == []
    # the index is checked once; the client sends a bulk call by PUT or POST
    assert [request.method for request in target.requests].count("HEAD") == 1


async def test_delivered_again(open_sink, target):
    """A document that already exists counts as written, and is not duplicated."""
    target.usual = elastic = FakeElastic(basic("elastic", "TheSecret"))
    sink = await open_sink(target)
    assert await sink.write(entries(1, 2)) == []
    assert await sink.write(entries(2, 3)) == []
    assert sorted(elastic.documents) == ["id-1", "id-2", "id-3"]


async def test_bytes_are_kept(open_sink, target):
    """A record is sent unchanged, on one line. Without an id, the server chooses one."""
    target.usual = FakeElastic(basic("elastic", "TheSecret"))
    sink = await open_sink(target)
    assert await sink.write([RecordEntry(b'{"a":  1.50,\n"b": 1e400}')]) == []
    assert target.requests[-1].body == b'{"create":{}}\n{"a":  1.50, "b": 1e400}\n'


async def test_one_by_one(open_sink, target):
    """In a batch only the rejected document fails. The server's text goes into the dead-letter file."""
    target.usual = elastic = FakeElastic(basic("elastic", "TheSecret"), refuses=frozenset({2}))
    sink = await open_sink(target)
    batch = [*entries(1, 2, 3), RecordEntry(b"no json"), RecordEntry(b"[1]")]
    failures = await sink.write(batch)
    assert sorted(elastic.documents) == ["id-1", "id-3"]
    assert {failure.entry.data for failure in failures} == {b'{"n": 2}', b"no json", b"[1]"}
    assert {failure.fault.kind for failure in failures} == {FaultKind.REJECTED}
    (refused,) = [failure.fault for failure in failures if failure.entry.id == "id-2"]
    assert refused.reason == "status 400 document_parsing_exception"
    assert "private words" in refused.details


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_document_that_is_turned_away(open_sink, target, status):
    """A busy shard is not an outage as long as the server accepts other documents."""
    target.usual = elastic = FakeElastic(
        basic("elastic", "TheSecret"), refuses=frozenset({2}), turns_away={3: status, 4: status}
    )
    sink = await open_sink(target)
    failures = await sink.write(entries(1, 2, 3, 4, 5))
    assert sorted(elastic.documents) == ["id-1", "id-5"]
    assert {failure.entry.id: failure.fault.kind for failure in failures} == {
        "id-2": FaultKind.REJECTED,
        "id-3": FaultKind.BUSY,
        "id-4": FaultKind.BUSY,
    }


@pytest.mark.parametrize(("status", "kind"), [(429, FaultKind.BUSY), (503, FaultKind.OUTAGE), (403, FaultKind.OUTAGE)])
async def test_all_documents_turned_away(open_sink, target, status, kind):
    """If the server accepts no document, it is an outage. The delivery decides about documents that are throttled."""
    target.usual = FakeElastic(basic("elastic", "TheSecret"), turns_away={1: status, 2: status})
    sink = await open_sink(target)
    assert {failure.fault.kind for failure in await sink.write(entries(1, 2))} == {kind}


async def test_api_key(open_sink, target):
    """An API key can replace user and password."""
    target.usual = elastic = FakeElastic("ApiKey TheKeyOfTheApi")
    sink = await open_sink(target, api_key="TheKeyOfTheApi")
    assert await sink.write(entries(1)) == []
    assert elastic.documents


async def test_wrong_password_is_an_outage(open_sink, target):
    """Wrong credentials can be corrected, so no record becomes a dead letter."""
    target.usual = FakeElastic(basic("elastic", "Another"))
    sink = await open_sink(target)
    failures = await sink.write(entries(1, 2))
    assert [failure.fault.kind for failure in failures] == [FaultKind.OUTAGE, FaultKind.OUTAGE]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_outage(open_sink, target, status):
    """Temporary failures are outages, and `Retry-After` is respected."""
    target.usual = elastic = FakeElastic(basic("elastic", "TheSecret"))
    sink = await open_sink(target)
    assert await sink.write(entries(1)) == []
    product = ("X-Elastic-Product", "Elasticsearch")
    target.then(Answer(status=status, headers=[("Content-Type", "application/json"), product, ("Retry-After", "7")]))
    failures = await sink.write(entries(2, 3))
    assert [(failure.fault.kind, failure.fault.retry_after) for failure in failures] == [(FaultKind.OUTAGE, 7.0)] * 2
    assert await sink.write(entries(2, 3)) == []
    assert len(elastic.documents) == 3


async def test_nobody_there(open_sink, target):
    """A failed connection is an outage, from the first call on."""
    target.usual = FakeElastic(basic("elastic", "TheSecret"))
    sink = await open_sink(target)
    await target.stop()
    failures = await sink.write(entries(1))
    assert [failure.fault.kind for failure in failures] == [FaultKind.OUTAGE]
    await target.start()
    assert await sink.write(entries(1)) == []


async def test_too_large_together(open_sink, target):
    """A bulk call that is too large for the server is divided. A single record that is too large is rejected."""
    target.usual = elastic = FakeElastic(basic("elastic", "TheSecret"), largest=4000)
    sink = await open_sink(target)
    batch = entries(*range(200))
    batch.insert(50, RecordEntry(json.dumps({"text": "x" * 5000}).encode(), "large"))
    failures = await sink.write(batch)
    assert [(failure.entry.id, failure.fault.kind) for failure in failures] == [("large", FaultKind.REJECTED)]
    assert len(elastic.documents) == 200


async def test_another_product(open_sink, target):
    """OpenSearch and similar products are refused with a hint, and are supported with `product_check: false`."""
    target.usual = elastic = FakeElastic(basic("elastic", "TheSecret"), product=False)
    sink = await open_sink(target, product_check=False)
    assert await sink.write(entries(1)) == []
    assert elastic.documents == {"id-1": {"n": 1}}


async def test_product_check(open_sink, target):
    """Without that option, the reason names it."""
    target.usual = Answer(status=200, body=b"{}")
    sink = await open_sink(target)
    (failure,) = await sink.write(entries(1))
    assert failure.fault.kind is FaultKind.OUTAGE
    assert "product_check" in failure.fault.reason


async def test_over_tls(open_sink, tls_target, tls_files):
    """The tls section sets the trusted CAs."""
    tls_target.usual = FakeElastic(basic("elastic", "TheSecret"))
    trusting = await open_sink(tls_target, OutboundTls(system_cert_pool=False, cert_files=(str(tls_files.authority),)))
    assert await trusting.write(entries(1)) == []
    strict = await open_sink(tls_target, OutboundTls())
    (failure,) = await strict.write(entries(2))
    assert failure.fault.kind is FaultKind.OUTAGE
    careless = await open_sink(tls_target, OutboundTls(insecure=True))
    assert await careless.write(entries(3)) == []
