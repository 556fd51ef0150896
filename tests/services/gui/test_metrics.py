"""The metrics of the interface: what they count, and who gets them."""

import re

from prometheus_client.parser import text_string_to_metric_families

from tests.support.gui import SECRET, Browser, new_token


def samples(reply):
    assert reply.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


def test_metrics_for_those_who_are_signed_in(signed_in):
    token = new_token(signed_in, "viewer")
    program = Browser(signed_in.port)
    assert program.get("/metrics").status == 401
    assert program.get("/metrics", Authorization="Bearer gui_wrong").status == 401
    program.sign_in(password="wrong")
    status = program.request("PROPFIND", "/v1/models").status
    program.get("/mainmenu/no/such/page")
    found = samples(program.get("/metrics", Authorization=f"Bearer {token}"))
    assert found["gecholog_gui_sign_ins_total", "ok"] == 1
    assert found["gecholog_gui_sign_ins_total", "wrong"] == 1
    assert found["gecholog_gui_requests_total", "/metrics", "401", "GET"] == 2
    assert found["gecholog_gui_requests_total", "/v1/{path:.*}", str(status), "other"] == 1
    assert found["gecholog_gui_request_duration_seconds_count", "page"] >= 1
    assert (found["gecholog_gui_sessions",], found["gecholog_gui_bus_connected",]) == (1, 0)
    assert found["process_resident_memory_bytes",] > 0
    text = signed_in.get("/metrics").text
    assert not re.search(f"{SECRET}|admin|127\\.0\\.0\\.1|{token}", text)


def test_metrics_for_everybody(start_gui, browser):
    start_gui(metrics_public=True)
    assert samples(browser.get("/metrics"))["gecholog_gui_sessions",] == 0
    assert browser.get("/api/health").status == 401
    assert browser.get("/healthz").json == {"status": "ok", "bus": False}
