"""The Logs Ingestion sink with a server that issues tokens and accepts rows, over TLS as Azure's client requires."""

import dataclasses
import gzip
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest

from gecholog.tls import OutboundTls
from services.nats2log.config import AzureIngestionWriter
from services.nats2log.entry import RecordEntry
from services.nats2log.sinks.azure_ingestion import make
from services.nats2log.sinks.sink import FaultKind
from tests.support.target import Answer

WRITER = AzureIngestionWriter(
    endpoint="",
    rule_id="dcr-0123456789abcdef",
    stream_name="Custom-gecholog_CL",
    tenant_id="11111111-2222-3333-4444-555555555555",
    client_id="the-application",
    client_secret="TheSecretOfTheApplication",
    timeout_ms=5000,
)
TOKEN = "a-token"


@dataclass
class FakeAzure:
    """Token endpoint (OAuth 2.0 client credentials, RFC 6749, section 4.4) and ingestion endpoint in one server."""

    secret: str = WRITER.client_secret
    refuses: frozenset[int] = frozenset()
    usual: Answer = field(default_factory=lambda: Answer(status=204, body=b""))
    tokens: int = 0
    scopes: set = field(default_factory=set)
    stored: list = field(default_factory=list)

    def __call__(self, request):
        if request.target == f"/{WRITER.tenant_id}/oauth2/v2.0/token":
            return self._token(parse_qs(request.body.decode()))
        assert request.method == "POST"
        path = f"/dataCollectionRules/{WRITER.rule_id}/streams/{WRITER.stream_name}?api-version="
        assert request.target.startswith(path), request.target
        assert request.value("Authorization") == f"Bearer {TOKEN}"
        assert request.value("Content-Encoding") == "gzip"
        stored = json.loads(gzip.decompress(request.body))
        assert isinstance(stored, list)
        if any(row.get("n") in self.refuses for row in stored):
            return Answer(status=400, body=b'{"error":{"code":"InvalidPayload","message":"bad row"}}')
        if self.usual.status == 204:
            self.stored += stored
        return self.usual

    def _token(self, form):
        assert form["grant_type"] == ["client_credentials"]
        assert form["client_id"] == [WRITER.client_id]
        self.scopes |= set(form["scope"])
        if form["client_secret"] != [self.secret]:
            return Answer(status=401, body=b'{"error":"invalid_client","error_description":"wrong secret"}')
        self.tokens += 1
        return Answer(body=json.dumps({"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN}).encode())


def entries(*numbers):
    return [RecordEntry(json.dumps({"n": number}).encode(), f"id-{number}") for number in numbers]


@pytest.fixture
async def open_sink(tls_target, tls_files):
    """Open a sink that trusts the server's CA, and close it after the test."""
    sinks = []

    async def opened(**fields):
        fields = {"endpoint": tls_target.url, "authority": tls_target.url} | fields
        tls = OutboundTls(system_cert_pool=False, cert_files=(str(tls_files.authority),))
        sink = make(dataclasses.replace(WRITER, **fields), tls)
        sinks.append(sink)
        await sink.open()
        return sink

    yield opened
    for sink in sinks:
        await sink.close()


async def test_rows(open_sink, tls_target):
    """Records become rows of the rule's stream. One token serves many calls."""
    tls_target.usual = azure = FakeAzure()
    sink = await open_sink()
    assert await sink.write(entries(1, 2)) == []
    assert await sink.write(entries(3)) == []
    assert [row["n"] for row in azure.stored] == [1, 2, 3]
    assert azure.tokens == 1
    assert azure.scopes == {"https://monitor.azure.com/.default"}


async def test_time_generated(open_sink, tls_target):
    """Every row has TimeGenerated: the start of the call, if the record has it and has no such field."""
    tls_target.usual = azure = FakeAzure()
    sink = await open_sink()
    start = {"start": "2026-01-02T03:04:05.000000006Z"}
    records = [{"ingress_egress_timer": start}, {"TimeGenerated": "mine"}, {}, {"ingress_egress_timer_start": "flat"}]
    assert await sink.write([RecordEntry(json.dumps(record).encode()) for record in records]) == []
    times = [row["TimeGenerated"] for row in azure.stored]
    assert times[:2] == ["2026-01-02T03:04:05.000000006Z", "mine"]
    assert times[2].startswith("20")
    assert times[3] == "flat"


async def test_refused_row(open_sink, tls_target):
    """A bad row is found by dividing the batch. The others are uploaded."""
    tls_target.usual = azure = FakeAzure(refuses=frozenset({5}))
    sink = await open_sink()
    failures = await sink.write([*entries(*range(10)), RecordEntry(b"no json")])
    assert {failure.entry.data for failure in failures} == {b'{"n": 5}', b"no json"}
    assert {failure.fault.kind for failure in failures} == {FaultKind.REJECTED}
    assert sorted(row["n"] for row in azure.stored) == [0, 1, 2, 3, 4, 6, 7, 8, 9]


async def test_a_part_that_is_turned_away(open_sink, tls_target):
    """Azure throttles single calls: if one part is throttled, the others are written."""
    azure = FakeAzure()
    turned_away = []

    def answer(request):
        is_upload = request.method == "POST" and "dataCollectionRules" in request.target
        if is_upload and not turned_away:
            turned_away.append(request)
            return Answer(status=429, headers=[("Content-Type", "application/json")], body=b"{}")
        return azure(request)

    tls_target.usual = answer
    sink = await open_sink()
    batch = [RecordEntry(json.dumps({"n": number, "text": "x" * 300_000}).encode()) for number in range(9)]
    failures = await sink.write(batch)
    assert {failure.fault.kind for failure in failures} == {FaultKind.BUSY}
    lost = [json.loads(failure.entry.data)["n"] for failure in failures]
    assert lost == list(range(len(lost)))
    assert 0 < len(lost) < 9
    assert [row["n"] for row in azure.stored] == list(range(len(lost), 9))


async def test_large_batches(open_sink, tls_target):
    """More than a megabyte is sent in several calls, and all of it arrives."""
    tls_target.usual = azure = FakeAzure()
    sink = await open_sink()
    batch = [RecordEntry(json.dumps({"n": number, "text": "x" * 10_000}).encode()) for number in range(300)]
    assert await sink.write(batch) == []
    assert [row["n"] for row in azure.stored] == list(range(300))


async def test_wrong_secret_is_an_outage(open_sink, tls_target):
    """Without a token nothing is sent, and no record is given up. The reasons do not contain the secret."""
    tls_target.usual = FakeAzure(secret="Another")
    sink = await open_sink()
    (failure,) = await sink.write(entries(1))
    assert failure.fault.kind is FaultKind.OUTAGE
    assert WRITER.client_secret not in failure.fault.reason + failure.fault.details


@pytest.mark.parametrize("status", [403, 408, 429, 500, 503])
async def test_outage(open_sink, tls_target, status):
    """Failures that time or an administrator resolves are outages, and are tried only once."""
    headers = [("Content-Type", "application/json"), ("Retry-After", "9")]
    tls_target.usual = FakeAzure(usual=Answer(status=status, headers=headers, body=b"{}"))
    sink = await open_sink()
    (failure,) = await sink.write(entries(1))
    assert (failure.fault.kind, failure.fault.retry_after) == (
        FaultKind.BUSY if status == 429 else FaultKind.OUTAGE,
        9.0,
    )
    assert len(tls_target.requests) == 2


async def test_nobody_there(open_sink, tls_target):
    """A failed connection is an outage, from the first call on."""
    tls_target.usual = azure = FakeAzure()
    sink = await open_sink()
    await tls_target.stop()
    (failure,) = await sink.write(entries(1))
    assert failure.fault.kind is FaultKind.OUTAGE
    await tls_target.start()
    assert await sink.write(entries(1)) == []
    assert len(azure.stored) == 1


async def test_other_clouds(open_sink, tls_target):
    """The audience of the token is configurable."""
    tls_target.usual = azure = FakeAzure()
    sink = await open_sink(audience="https://monitor.azure.us/")
    assert await sink.write(entries(1)) == []
    assert azure.scopes == {"https://monitor.azure.us/.default"}


async def test_identity_of_the_machine(open_sink):
    """Without a tenant the managed identity of the machine is used. It is requested with the first record."""
    sink = await open_sink(tenant_id="", client_id="", client_secret="", authority="")
    assert await sink.write([]) == []
