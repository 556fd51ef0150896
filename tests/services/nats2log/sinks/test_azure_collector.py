"""The Data Collector sink against a server that recomputes the signature."""

import base64
import dataclasses
import hashlib
import hmac
import json
import re

import pytest

from gecholog.tls import OutboundTls
from services.nats2log.config import AzureCollectorWriter
from services.nats2log.entry import RecordEntry
from services.nats2log.sinks.azure_collector import authorization, make
from services.nats2log.sinks.sink import FaultKind
from tests.support.target import Answer

KEY = base64.b64encode(b"the key of the workspace").decode()
WRITER = AzureCollectorWriter("workspace", KEY, "gecholog", "", timeout_ms=5000)


def service(request):
    """Respond to a call as Azure does: https://learn.microsoft.com/azure/azure-monitor/logs/data-collector-api"""
    assert request.target == "/api/logs?api-version=2016-04-01"
    date = request.value("x-ms-date")
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date)
    signed = "\n".join(["POST", str(len(request.body)), "application/json", f"x-ms-date:{date}", "/api/logs"])
    digest = hmac.digest(base64.b64decode(KEY), signed.encode(), hashlib.sha256)
    if request.value("Authorization") != f"SharedKey workspace:{base64.b64encode(digest).decode()}":
        return Answer(status=403)
    assert request.value("Content-Type") == "application/json"
    assert request.value("Log-Type") == "gecholog"
    json.loads(request.body)
    return Answer(status=200, body=b"")


@pytest.fixture
async def open_sink(target):
    sinks = []

    async def opened(**fields):
        sink = make(dataclasses.replace(WRITER, address=f"{target.url}/api/logs", **fields), OutboundTls())
        sinks.append(sink)
        await sink.open()
        return sink

    target.usual = service
    yield opened
    for sink in sinks:
        await sink.close()


async def test_signed_records(open_sink, target):
    """Each call has one record, unchanged, signed with the workspace's key."""
    sink = await open_sink()
    bodies = [json.dumps({"n": number, "text": "ü"}).encode() for number in range(20)]
    assert await sink.write([RecordEntry(body) for body in bodies]) == []
    assert sorted(request.body for request in target.requests) == sorted(bodies)


async def test_wrong_key_is_an_outage(open_sink):
    """A wrong key can be corrected, so no record becomes a dead letter."""
    sink = await open_sink(shared_key=base64.b64encode(b"another").decode())
    (failure,) = await sink.write([RecordEntry(b"{}")])
    assert failure.fault.kind is FaultKind.OUTAGE
    assert failure.fault.reason == "status 403"


async def test_refusal_and_outage(open_sink, target):
    """400 concerns the record, 503 concerns the service."""
    sink = await open_sink()
    target.then(Answer(status=400))
    (failure,) = await sink.write([RecordEntry(b"{}")])
    assert failure.fault.kind is FaultKind.REJECTED
    target.then(Answer(status=503))
    (failure,) = await sink.write([RecordEntry(b"{}")])
    assert failure.fault.kind is FaultKind.OUTAGE


async def test_says_that_the_service_ends(open_sink, said):
    """The deprecation is logged once, when the sink is opened."""
    sink = await open_sink()
    await sink.write([RecordEntry(b"{}")])
    assert [entry["level"] for entry in said()] == ["WARN"]
    assert "has ended" in said()[0]["msg"]


def test_signature():
    """A signature matches one that was computed by hand."""
    digest = hmac.digest(b"the key of the workspace", b"POST\n2\napplication/json\nx-ms-date:D\n/api/logs", "sha256")
    assert authorization(WRITER, 2, "D") == f"SharedKey workspace:{base64.b64encode(digest).decode()}"


def test_address_of_the_workspace():
    """The default is Azure's public cloud, unless a URL is set."""
    values = {"workspace_id": "w", "shared_key": KEY, "log_type": "t"}
    assert AzureCollectorWriter.of(values).address == "https://w.ods.opinsights.azure.com/api/logs"
    china = AzureCollectorWriter.of(values | {"url": "https://w.ods.opinsights.azure.cn/"})
    assert china.address == "https://w.ods.opinsights.azure.cn/api/logs"
