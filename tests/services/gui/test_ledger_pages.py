"""The pages and the API on a ledger, by the running interface."""

import asyncio
import csv
import gzip
import io
import json
import re
from dataclasses import replace

import brotli
import nats
import pytest

from gecholog.ledger.database import open_writer
from gecholog.ledger.location import locate
from gecholog.ledger.money import usd_text
from tests.support.gui import Browser, new_token, new_user
from tests.support.ledger_calls import made_calls

START_US, END_US = 1_790_000_000 * 10**6, 1_790_600_000 * 10**6
CALLS = sorted(made_calls(230, START_US, END_US), key=lambda call: (call.started_us, call.id), reverse=True)
RANGE = "from=2026-09-01&to=2026-10-01&zone=UTC"
TEXT = "a question of a client"
RECORD = {
    "transaction_id": "T",
    "request": {"gl_path": "/v1/", "ingress_payload": {"text": TEXT}, "unchanged": ["outbound_payload"]},
    "response": {"egress_status_code": 200, "inbound_payload": {"a": 1}, "egress_payload": {"a": 1, "b": 2}},
}


def write(home, calls):
    async def run():
        ledger = open_writer(locate(f"sqlite://{home}/data/ledger.db"))
        await ledger.migrate()
        await ledger.insert(calls)
        await ledger.close()

    asyncio.run(run())


@pytest.fixture
def admin(home, signed_in):
    write(home, CALLS)
    assert signed_in.get("/api/overview").status == 200  # programs wait; the first page may not, on a busy machine
    return signed_in


def test_the_history_by_pages_and_as_csv(admin):
    token = new_token(admin, "viewer")
    found, after = [], ""
    while after is not None:
        address = f"/api/history?{RANGE}&limit=100&after={after}"
        page = admin.request("GET", address, headers={"Authorization": f"Bearer {token}"}).json
        found += [call["id"] for call in page["calls"]]
        after = page["next"]
    assert found == [call.id for call in CALLS]

    shown, address = [], f"/history?{RANGE}"
    while address:
        page = admin.get(address).text
        shown += re.findall(r'href="\./history/([0-9a-f]{32})"', page)
        older = re.search(r'href="\.(/history\?after=[^"]+)" rel="next"', page)
        address = older[1].replace("&amp;", "&") if older else ""
    assert shown == found

    reply = admin.get(f"/history.csv?{RANGE}&status=ok")
    assert reply.headers["Content-Disposition"].startswith('attachment; filename="calls-')
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    expected = [call for call in CALLS if not call.error_class]
    assert [row["id"] for row in rows] == [call.id for call in expected]
    assert [row["cost_usd"] for row in rows] == [
        "" if call.cost_pico is None else usd_text(call.cost_pico) for call in expected
    ]
    assert admin.get("/history?after=nonsense").status == 400
    assert admin.get(f"/history?after=9223372036854775808_{'0' * 32}").status == 400


def test_pages_answer_whatever_the_address_says(admin):
    assert admin.get(f"/api/overview?{RANGE}").json["sums"]["calls"] == len(CALLS)
    assert f"{len(CALLS)}</data>" in admin.get(f"/mainmenu?{RANGE}").text
    for path in ("/mainmenu", "/history", "/usage"):
        reply = admin.get(f"{path}?range=2w&status=%3Cscript%3E&model=%3Cscript%3E&zone=../../etc&by=%3Cscript%3E")
        assert reply.status == 200
        assert "<script>alert" not in reply.text
        assert "It was left out." in reply.text
    assert admin.get("/usage.csv?zone=Nowhere").status == 400
    assert admin.get("/api/usage?by=nothing").status == 400
    assert admin.get("/api/overview?range=2w").status == 400
    assert admin.get("/history/%00").status == 404
    assert admin.get(f"/history?id={CALLS[0].id}").location == f"/history/{CALLS[0].id}"
    assert admin.get(f"/logs/{CALLS[0].id}").location == f"/history/{CALLS[0].id}"
    series = admin.get(f"/mainmenu/series?{RANGE}").json
    assert sum(sum(one["calls"]) for one in series["series"]) == len(CALLS)


def test_pages_are_light(admin):
    """HTML and files together, as a browser gets them."""
    for path in ("/mainmenu", "/history", "/usage?by=model", f"/history/{CALLS[0].id}", "/keys"):
        text = admin.get(f"{path}{'&' if '?' in path else '?'}{RANGE}").text
        files = set(re.findall(r'(?:href|src)="\.+(?:/\.\.)*(/static/[^"]+)"', text))
        assert files, path
        bodies = [admin.get(file, Accept_Encoding="br") for file in files]
        assert all(one.status == 200 for one in bodies)
        weight = len(gzip.compress(text.encode())) + sum(len(one.body) for one in bodies)
        assert weight <= 150 * 1024, (path, weight)
        assert brotli.decompress(bodies[0].body) if bodies[0].headers.get("Content-Encoding") == "br" else True


async def kept(server, record_id, data):
    """Put a record into the record log; returns its number there."""
    client = await nats.connect(server.hostname, token=server.token)
    stream = client.jetstream()
    await stream.add_stream(name="GECHOLOG", subjects=["coburn.gl.logger"])
    found = await stream.publish("coburn.gl.logger", data, headers={"Nats-Msg-Id": record_id})
    await client.close()
    return found.seq


def test_payloads_come_from_the_record_log_and_each_look_is_audited(nats_server, start_gui, browser, home):
    call, other = CALLS[0], CALLS[1]
    number = asyncio.run(kept(nats_server, call.id, json.dumps(RECORD).encode()))
    write(home, [replace(call, stream_sequence=number), replace(other, stream_sequence=number)])
    process = start_gui(bus=nats_server.hostname, token=nats_server.token)
    asyncio.run(process.logged("bus connected"))
    assert browser.sign_in().status == 302
    page = browser.get(f"/history/{call.id}").text
    assert TEXT in page
    assert 'class="line changed"' in page
    assert "From the record log." in page
    assert browser.get(f"/api/history/{call.id}/record").json == RECORD
    assert "see payloads" in browser.get("/audit").text

    viewer = new_user(browser, "vera", "viewer")
    hidden = viewer.get(f"/history/{call.id}").text
    assert TEXT not in hidden
    assert "Payloads are hidden" in hidden
    assert TEXT not in viewer.get(f"/api/history/{call.id}/record").text

    gone = browser.get(f"/history/{other.id}")  # its number is that of another record
    assert (gone.status, TEXT in gone.text) == (200, False)
    assert "does not have this record any more" in gone.text


def test_without_a_ledger_pages_say_so(signed_in):
    assert "No ledger yet" in signed_in.get("/mainmenu").text
    for path in ("/history", "/usage", "/history/x"):
        reply = signed_in.get(path)
        assert (reply.status, "No ledger yet" in reply.text) == (200, True)
    for path in ("/history.csv", "/usage.csv", "/api/overview", "/api/history", "/api/usage", "/api/history/x"):
        assert signed_in.get(path).status == 503
    assert Browser(signed_in.port).get("/history").location.startswith("/login")


def test_a_ledger_that_cannot_be_read_is_not_a_missing_call(signed_in, home):
    """Whether the call exists is unknown then (503). Without a ledger it is not found (404)."""
    assert signed_in.get("/logs/none").status == 404
    (home / "data" / "ledger.db").write_text("no database at all")
    reply = signed_in.get("/logs/none")
    assert (reply.status, "cannot be looked up now" in reply.text) == (503, True)
