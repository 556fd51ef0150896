"""The OTLP sink with a collector of our own."""

import dataclasses
import json

import pytest

from gecholog.tls import OutboundTls
from services.nats2log.config import OtlpWriter
from services.nats2log.entry import RecordEntry
from services.nats2log.sinks.otlp import make
from services.nats2log.sinks.sink import FaultKind
from tests.services.nats2log.traces.records import failed_over
from tests.support.otlp import spans_in
from tests.support.target import Answer


def entries(count: int) -> list[RecordEntry]:
    data = json.dumps(failed_over()).encode()
    return [RecordEntry(data, f"id-{number}") for number in range(count)]


@pytest.fixture
async def open_sink(target):
    sinks = []

    async def opened(**fields):
        writer = OtlpWriter.of({"endpoint": f"{target.url}/", "timeout_milliseconds": 5000})
        sink = make(dataclasses.replace(writer, **fields), OutboundTls())
        sinks.append(sink)
        await sink.open()
        return sink

    target.usual = Answer(body=b"{}")
    yield opened
    for sink in sinks:
        await sink.close()


@pytest.mark.parametrize("compression", ["gzip", "none"])
async def test_sent(open_sink, target, compression):
    """The spans of many records go in one request, with the configured headers."""
    sink = await open_sink(compression=compression, headers=(("Api-Key", "secret"),))
    assert await sink.write(entries(3)) == []
    (request,) = target.requests
    assert request.value("Api-Key") == "secret"
    assert len(spans_in(request)) == 3 * 6
    assert len({span.span_id for span in spans_in(request)}) == 3 * 6


async def test_content_only_on_request(open_sink, target):
    """Without `capture_content`, nothing of prompts and answers leaves."""
    sink = await open_sink(compression="none")
    assert await sink.write(entries(1)) == []
    assert b"Be brief" not in target.requests[0].body
    sink = await open_sink(compression="none", capture_content=True)
    assert await sink.write(entries(1)) == []
    assert b"Be brief" in target.requests[1].body


@pytest.mark.parametrize("status", [401, 403, 404, 429, 502, 503, 504])
async def test_outage(open_sink, target, status):
    """What does not concern the spans is an outage: the records wait. `Retry-After` is honoured."""
    target.usual = Answer(status=status, headers=[("Retry-After", "7")])
    failures = await (await open_sink()).write(entries(2))
    assert [(one.fault.kind, one.fault.reason, one.fault.retry_after) for one in failures] == [
        (FaultKind.OUTAGE, f"status {status}", 7.0)
    ] * 2
    assert len(target.requests) == 1


@pytest.mark.parametrize("answer", [Answer(drop=True), Answer(cut_after=20)])
async def test_no_answer(open_sink, target, answer):
    """Without a whole answer nothing is written."""
    target.usual = answer
    failures = await (await open_sink()).write(entries(1))
    assert [one.fault.kind for one in failures] == [FaultKind.OUTAGE]


@pytest.mark.parametrize("status", [400, 413, 500])
async def test_rejected(open_sink, target, status):
    """A batch that is refused is split until the offending record is alone: OTLP forbids to repeat it as it is."""

    def refuse(request):
        spans = spans_in(request)
        bad = any(attribute.value.string_value == "id-2" for span in spans for attribute in span.attributes)
        return Answer(status=status if bad else 200, body=b"{}")

    target.usual = refuse
    failures = await (await open_sink()).write(entries(4))
    assert [(one.entry.id, one.fault.kind) for one in failures] == [("id-2", FaultKind.REJECTED)]


async def test_partial_success(open_sink, target):
    """Spans that were refused in an accepted request are counted, and not sent again, as OTLP demands."""
    target.usual = Answer(body=b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}')
    sink = await open_sink()
    assert await sink.write(entries(3)) == []
    assert (sink.rejected, len(target.requests)) == (2, 1)


async def test_nothing_accepted(open_sink, target):
    """If all spans of a request were refused, its records have failed. They become dead letters with the reason."""
    target.usual = Answer(body=b'{"partialSuccess":{"rejectedSpans":"6","errorMessage":"too old"}}')
    failures = await (await open_sink()).write(entries(1))
    assert [(one.fault.kind, one.fault.details) for one in failures] == [(FaultKind.REJECTED, "too old")]


async def test_a_warning(open_sink, target):
    """A message without refused spans is a warning, and the records are written."""
    target.usual = Answer(body=b'{"partialSuccess":{"errorMessage":"hint"}}')
    assert await (await open_sink()).write(entries(1)) == []


@pytest.mark.parametrize("data", [b"", b"{", b"1", b"{}", b'{"ingress_egress_timer":{}}'])
async def test_not_a_record(open_sink, target, data):
    """What is not the record of a call is rejected, and the others are sent."""
    sink = await open_sink()
    failures = await sink.write([*entries(1), RecordEntry(data, "bad")])
    assert [(one.entry.id, one.fault.kind) for one in failures] == [("bad", FaultKind.REJECTED)]
    assert len(spans_in(target.requests[0])) == 6
