"""`show` has the payloads of a call as long as the record log has its record."""

import asyncio
import json

import pytest
from nats.js.api import StreamConfig

from gecholog.bus_address import BusAddress
from gecholog.ledger.database import open_writer
from gecholog.ledger.location import locate
from gecholog.ledger.record_reader import call_of
from gecholog.nats_login import connected
from gecholog.recordlog import STREAM
from services.ledger.__main__ import main

SUBJECT = "coburn.gl.logger"
RECORD = {
    "session_id": "S_1_0",
    "transaction_id": "S_1_1",
    "request": {"gl_path": "/v1/", "ingress_payload": {"model": "m", "messages": ["what was asked"]}},
    "response": {"inbound_payload": {"said": "the answer"}, "unchanged": ["egress_payload"], "egress_status_code": 200},
    "ingress_egress_timer": {"start": "2026-11-30T09:28:20Z", "stop": "2026-11-30T09:28:21Z"},
}
ID = f"{7:032x}"


@pytest.fixture
def show(nats_server, tmp_path, capsys):
    """Runs `show` for a call whose record is, or was, in the record log."""
    url = f"sqlite://{tmp_path}/ledger.db"
    bus = {"hostname": nats_server.hostname, "topic": "t", "topic_exact_logger": SUBJECT, "token": nats_server.token}
    config = tmp_path / "nats2ledger_config.json"
    config.write_text(json.dumps({"service_bus": bus, "mode": "sql_writer", "sql_writer": {"url": url}}))

    async def prepare(record, record_id):
        address = BusAddress.of(nats_server.hostname, nats_server.token)
        async with connected(address, "test") as client:
            context = client.jetstream()
            await context.add_stream(StreamConfig(name=STREAM, subjects=[SUBJECT]))
            data = json.dumps(record).encode()
            published = await context.publish(SUBJECT, data, headers={"Nats-Msg-Id": record_id})
        ledger = open_writer(locate(url))
        await ledger.migrate()
        await ledger.insert([call_of(data, ID, published.seq)])
        await ledger.close()

    def shown(*options, record=RECORD, record_id=ID):
        asyncio.run(prepare(record, record_id))
        assert main(["-o", str(config), "show", ID, *options]) == 0
        return capsys.readouterr().out

    return shown


def test_payloads_come_from_the_record_log(show):
    text = show()
    assert "what was asked" in text
    assert "the answer" in text
    assert "payloads are from the record log" in text


def test_payloads_as_json(show):
    found = json.loads(show("--json"))
    assert json.loads(found["request_payload"]) == RECORD["request"]["ingress_payload"]
    assert json.loads(found["response_payload"]) == RECORD["response"]["inbound_payload"]
    assert (found["payloads_from"], found["payloads_note"]) == ("record log", "")


def test_payloads_are_not_fetched_if_nobody_wants_them(show):
    text = show("--no-payloads")
    assert "what was asked" not in text
    assert "payloads are not shown: not asked for" in text


def test_a_record_that_the_log_no_longer_has(show):
    """The stream was made anew, and has another record under the number."""
    text = show(record_id="another")
    assert "what was asked" not in text
    assert "the record log no longer has this call" in text


def test_a_record_without_payloads(show):
    request = {"gl_path": "/v1/"}
    assert "has no payloads" in show(record=RECORD | {"request": request, "response": {"egress_status_code": 200}})


def test_the_call_is_shown_without_a_bus(show, nats_server, tmp_path, capsys):
    show("--no-payloads")
    nats_server.kill()
    try:
        assert main(["-o", str(tmp_path / "nats2ledger_config.json"), "show", ID]) == 0
    finally:
        nats_server.start()
    text = capsys.readouterr().out
    assert "S_1_1" in text
    assert "the record log cannot be asked: the bus at" in text
