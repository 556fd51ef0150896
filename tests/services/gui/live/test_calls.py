"""The latest calls in memory, what is no record, and slow browsers."""

import json

import pytest

from services.gui.live.calls import MOST_CALLS, LiveCalls
from services.gui.live.filters import CallFilter
from services.gui.live.record import NotARecord, summary


def record(number=1, router="/a/", status=200, **more):
    timer = {"start": "2026-11-30T09:28:20.162234774Z", "stop": "2026-11-30T09:28:21Z", "duration": 838}
    return json.dumps(
        {
            "transaction_id": f"T_{number}",
            "request": {"gl_path": router, "outbound_payload": {"model": "m", "messages": []}},
            "response": {"egress_status_code": status},
            "usage": {"source": "provider", "prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
            "cost": {"usd": "0.02075325", "prices": "2026-11-30"},
            "client": {"key": "k3v9x2ab", "name": "ci", "owner": "", "tags": []},
            "ingress_egress_timer": timer,
        }
        | more
    ).encode()


def test_summary_of_a_record():
    call = summary(record())
    assert (call.transaction_id, call.router, call.status, call.model, call.client) == ("T_1", "/a/", 200, "m", "ci")
    assert (call.prompt_tokens, call.completion_tokens, call.total_tokens) == (2, 3, 5)
    assert (call.duration_ms, call.cost_usd, call.is_error) == (838, 0.02075325, False)


def test_the_model_of_the_last_attempt_counts():
    request = {"gl_path": "/v1/", "model": "asked", "attempts": [{"model": "a"}, {"provider": "p", "model": "b"}]}
    call = summary(record(request=request))
    assert (call.model, call.provider) == ("b", "p")


@pytest.mark.parametrize(
    "data",
    [
        b"not json",
        b"{}",
        b"[]",
        b'{"transaction_id": 1}',
        record(request={}),
        record(response={"egress_status_code": "200"}),
        record(ingress_egress_timer={"start": "yesterday", "duration": 1}),
    ],
)
def test_what_is_no_record_is_ignored(data):
    with pytest.raises(NotARecord):
        summary(data)
    calls = LiveCalls()
    calls.add(data)
    assert (calls.received, calls.unreadable) == (0, 1)


def test_the_oldest_calls_are_forgotten():
    calls = LiveCalls()
    for number in range(MOST_CALLS + 5):
        calls.add(record(number))
    assert calls.find("T_4") is None
    assert calls.find("T_5") is not None
    assert next(calls.latest(CallFilter(), 1)).transaction_id == f"T_{MOST_CALLS + 4}"
    assert len(list(calls.latest(CallFilter(), 10_000))) == MOST_CALLS


def test_filters():
    calls = LiveCalls()
    calls.add(record(1, "/a/", 200))
    calls.add(record(2, "/b/", 404))
    calls.add(record(3, "/b/", 502))

    def shown(**wanted):
        return [call.transaction_id[2:] for call in calls.latest(CallFilter.of(wanted), 10)]

    assert shown() == ["3", "2", "1"]
    assert shown(router="/b/") == ["3", "2"]
    assert shown(status="error") == ["3", "2"]
    assert shown(status="5xx") == ["3"]
    assert shown(status="200", model="M", client="CI") == ["1"]
    assert shown(client="nobody") == []
    assert CallFilter.of({"status": "ok", "other": "x"}).query == {"status": "ok"}


async def test_a_watcher_gets_what_it_asked_for_and_a_slow_one_skips():
    calls = LiveCalls()
    watcher = calls.watch(CallFilter(router="/b/"))
    for number in range(300):
        calls.add(record(number, "/b/"))
    calls.add(record(900, "/a/"))
    assert (watcher.queue.qsize(), watcher.skipped) == (200, 100)
    assert watcher.queue.get_nowait().transaction_id == "T_0"
    calls.end_watching()
    calls.leave(watcher)
    assert calls.watchers == 0


def test_totals_and_series():
    calls = LiveCalls()
    for number, status in enumerate((200, 200, 500)):
        calls.add(record(number, status=status))
    moment = summary(record()).started
    totals = calls.tally.between(moment - 120, moment + 120)
    assert (totals.calls, totals.errors, totals.tokens) == (3, 1, 15)
    assert totals.percentile(0.95) == 838
    times, series = calls.tally.series(moment - 120, moment + 60, ["m"])
    assert sum(series["m"]) == 3
    assert len(times) == len(series["m"])
