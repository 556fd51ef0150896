"""What the page of a call shows of its record."""

import json

from services.gui.live import anatomy

START = "2026-11-30T09:28:20.160000000Z"


def timer(stop, start="160"):
    return {"start": f"2026-11-30T09:28:20.{start}000000Z", "stop": f"2026-11-30T09:28:20.{stop}000000Z", "duration": 1}


RECORD = {
    "transaction_id": "T_1",
    "request": {
        "gl_path": "/a/",
        "ingress_payload": {"secret": "of the client"},
        "outbound_payload": {"secret": "of the client", "added": True},
        "ingress_outbound_timer": timer("170"),
        "processors": [{"name": "one", "completed": True, "timer": timer("168", "165")}],
        "attempts": [{"provider": "openai", "model": "m", "error": "quotes the client", "timer": timer("190", "171")}],
        "own_field": "of a processor",
        "error": [{"name": "x", "details": "quotes the client"}],
    },
    "response": {
        "egress_status_code": 200,
        "inbound_payload": "text",
        "egress_payload": "text",
        "outbound_inbound_timer": timer("190", "170"),
        "inbound_egress_timer": timer("191", "190"),
    },
    "ingress_egress_timer": timer("191"),
    "egress_post_timer": timer("195", "191"),
    "error": [{"details": "quotes the client"}],
}


def test_the_timeline_has_all_spans_in_order():
    bars = anatomy.timeline(RECORD)
    assert [(bar.kind, round(bar.start_ms), round(bar.duration_ms)) for bar in bars] == [
        ("gateway", 0, 10),
        ("processor", 5, 3),
        ("upstream", 10, 20),
        ("attempt", 11, 19),
        ("gateway", 30, 1),
        ("after", 31, 4),
    ]


def test_a_border_marks_what_changed():
    request, response = anatomy.borders(RECORD)
    assert request.is_changed
    assert [line.text.strip() for line in request.after if line.is_changed] == [
        '"secret": "of the client",',
        '"added": true',
    ]
    assert not response.is_changed


def test_without_payloads_nothing_of_what_clients_said_is_left():
    shown = json.dumps(anatomy.without_payloads(RECORD))
    assert "of the client" not in shown
    assert "quotes the client" not in shown
    assert "of a processor" not in shown
    assert anatomy.HIDDEN in shown
    assert "openai" in shown
    assert len(anatomy.timeline(anatomy.without_payloads(RECORD))) == 6


def test_a_hostile_record_is_taken_apart_as_well():
    for record in ({}, {"request": [], "response": "x"}, {"ingress_egress_timer": {"start": 7}}):
        assert anatomy.timeline(record) == []
        assert len(anatomy.borders(record)) == 2
        assert anatomy.without_payloads(record) is not None


def test_a_payload_that_is_stored_once_is_shown_on_both_sides():
    request, _ = anatomy.borders({"request": {"ingress_payload": {"a": 1}, "unchanged": ["outbound_payload"]}})
    assert [line.text for line in request.after] == [line.text for line in request.before] != []
    assert not request.is_changed
