"""The questions of docs/records.md: DuckDB and jq give the same answers, and the right ones."""

import json
from decimal import Decimal
from typing import Any

import duckdb
import jq
import pytest

from tests.support.pages import ROOT, blocks
from tests.support.record_schema import check_record

_QUESTIONS = [block for block in blocks(ROOT / "docs" / "records.md") if block.name]
SQL = {block.name: block.text for block in _QUESTIONS if block.language == "sql"}
JQ = {block.name: block.text for block in _QUESTIONS if block.language == "jq"}
BROKEN_OFF = ["egress_status_code", "inbound_payload"]
SESSION = "GECHO001_1796031440788461420_10_0"


def timer(day: int, milliseconds: int) -> dict[str, Any]:
    start = f"2026-11-{day:02}T09:28:20.162234774Z"
    return {"start": start, "stop": start, "duration": milliseconds}


def call(number: int, *, day: int = 1, ms: int = 5, status: int = 200, **more: Any) -> dict[str, Any]:
    """A record. `more`: client, provider, model, tokens, usd, first_chunk, errors (names), session, payload."""
    request: dict[str, Any] = {"gl_path": "/v1/", "outbound_payload": more.get("payload", {"model": more.get("model")})}
    if provider := more.get("provider"):
        failed = {"gl_path": "/v1/", "url": "http://x/", "provider": "away", "model": "m", "timer": timer(day, 1)}
        request["attempts"] = [failed, failed | {"provider": provider, "model": more["model"]}]
    response: dict[str, Any] = {"gl_path": "/v1/", "egress_status_code": status}
    if "first_chunk" in more:
        first = timer(day, more["first_chunk"])
        response["inbound_stream"] = {"chunks": 2, "first_chunk_timer": first, "completed": True}
    if names := more.get("errors"):
        response["error"] = [{"name": name, "details": "why"} for name in names]
    usage = {"source": "provider", "total_tokens": more["tokens"]} if "tokens" in more else {"source": "none"}
    record = {
        "session_id": more.get("session", f"S{number}"),
        "transaction_id": f"T{number}",
        "request": request,
        "response": response,
        "usage": usage,
        "ingress_egress_timer": timer(day, ms),
        "egress_post_timer": timer(day, 1),
    }
    if "usd" in more:
        record["cost"] = {"usd": more["usd"], "prices": "2026-11-30"}
    if "client" in more:
        record["client"] = {"key": more["client"]}
    return record


RECORDS = [
    call(1, client="k1", provider="openai", model="gpt", tokens=10, usd="0.000000000000001", session=SESSION, ms=7),
    call(2, client="k1", provider="openai", model="gpt", tokens=20, usd="3", first_chunk=100, ms=9),
    call(3, client="k1", provider="openai", model="gpt", tokens=1, day=2, first_chunk=300, ms=11),
    call(4, client="k2", provider="anthropic", model="claude", tokens=5, usd="0.25", ms=1000, first_chunk=50),
    call(5, model="llama", tokens=4, status=502, errors=BROKEN_OFF, day=3, session=SESSION),
    call(6, status=404, errors=["egress_status_code"], payload="plain text"),
    *[call(7 + index, provider="openai", model="gpt", ms=index) for index in range(40)],
]

ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "tokens_per_client_and_day": [
        ("k1", "2026-11-01", 30),
        ("k2", "2026-11-01", 5),
        ("k1", "2026-11-02", 1),
        (None, "2026-11-03", 4),
    ],
    "cost_per_model": [("openai", "gpt", 2, Decimal("3.000000000000001")), ("anthropic", "claude", 1, Decimal("0.25"))],
    # of 43 calls to openai, 7, 9, 11 and 0 … 39 ms, the 41st: 43 * 0.95 = 40.85
    "p95_per_provider": [("anthropic", 1, 1000), ("openai", 43, 37)],
    "first_chunk": [("claude", 1, 50), ("gpt", 2, 100)],
    "errors": [(404, "egress_status_code", 1), (502, "egress_status_code", 1), (502, "inbound_payload", 1)],
    "session": [("T1", "/v1/", "gpt", 200, 7, 10), ("T5", "/v1/", "llama", 502, 5, 4)],
}


@pytest.fixture(scope="module")
def database():
    connection = duckdb.connect()
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def calls(database, tmp_path_factory):
    """The view of the page, on a file with the records."""
    file = tmp_path_factory.mktemp("log") / "gecholog.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in RECORDS), "utf-8")
    database.execute(SQL["view"].replace("app/log/gecholog.jsonl", str(file)))
    return database


def test_records():
    """The records of this test are such as gl writes."""
    for record in RECORDS:
        check_record(record)


def test_all_questions():
    """Each question is asked in both languages, and has an answer here."""
    assert SQL.keys() - {"view"} == JQ.keys() == ANSWERS.keys()


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_duckdb(calls, name):
    found = calls.execute(SQL[name]).fetchall()
    assert [tuple(str(cell) if hasattr(cell, "isoformat") else cell for cell in row) for row in found] == ANSWERS[name]


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_jq(name):
    program = jq.compile(JQ[name].replace("inputs", ".[]"))  # this jq has no `-n`
    found = [line.split("\t") for line in program.input_value(RECORDS).all()]
    expected = [["" if cell is None else str(cell) for cell in row] for row in ANSWERS[name]]
    if name == "cost_per_model":  # floating point
        expected = [[*row[:3], str(float(row[3]))] for row in expected]
        found = [[*row[:3], str(float(row[3]))] for row in found]
    assert found == expected
