"""What counts as something that happened."""

from dataclasses import replace

import pytest

from services.gui.live.record import CallSummary
from services.gui.tutorials.goals import DraftFacts, Facts, KeyFacts, seen
from services.gui.tutorials.step import Goal

CALL = CallSummary(
    "id-1", "", 100.0, 5.0, "/dummy/", "POST", "v1/chat/completions", 200, "dummy", "", "", 1, 2, 3, None
)
OLD = {"path": "/old/", "outbound": {"url": "http://a"}}
NEW = {"path": "/new/", "outbound": {"url": "http://a"}}
BOTH = NEW | {"ingress": {"headers": {"a": ["b"]}}, "outbound": {"url": "http://a", "headers": {"c": ["d"]}}}


def draft(*routers, **more):
    return DraftFacts({"routers": list(routers)}, {"routers": [OLD]}, **more)


@pytest.mark.parametrize("goal", list(Goal))
def test_nothing_has_happened(goal):
    """It says what it waits for."""
    result = seen(goal, Facts(50.0))
    assert not result.is_reached
    assert "waiting for" in result.text


def test_a_call_since_the_beginning():
    """The newest one, with a link to it. Older ones do not count."""
    result = seen(Goal.CALL_SEEN, Facts(50.0, calls=[CALL, replace(CALL, transaction_id="id-0")]))
    assert (result.is_reached, result.time, result.link) == (True, 100.0, "/logs/id-1")
    assert result.text == "Seen: your call to /dummy/, status 200, is in Live."
    assert not seen(Goal.CALL_SEEN, Facts(101.0, calls=[CALL])).is_reached


def test_a_call_of_claude_code():
    assert not seen(Goal.CLAUDE_CODE_SEEN, Facts(0.0, calls=[CALL])).is_reached
    assert seen(Goal.CLAUDE_CODE_SEEN, Facts(0.0, calls=[CALL, replace(CALL, subpath="messages")])).is_reached


def test_a_key_and_its_call():
    """The key has to be new and to have a budget, and the call to be made with it."""
    keys = [KeyFacts("old", 1.0, has_budget=True), KeyFacts("free", 60.0, has_budget=False)]
    assert not seen(Goal.KEY_MADE, Facts(50.0, keys=keys)).is_reached
    keys.append(KeyFacts("team", 60.0, has_budget=True))
    assert seen(Goal.KEY_MADE, Facts(50.0, keys=keys)).text == "Seen: the key team has a budget."
    assert not seen(Goal.KEY_USED, Facts(50.0, keys=keys, calls=[CALL])).is_reached
    made = replace(CALL, client="team", cost_usd=0.00012)
    result = seen(Goal.KEY_USED, Facts(50.0, keys=keys, calls=[made]))
    assert result.text == "Seen: your call to /dummy/ by team, status 200, cost $0.000120, is in Live."


def test_routers():
    assert not seen(Goal.ROUTER_IN_DRAFT, Facts(0.0, draft(OLD))).is_reached
    assert seen(Goal.ROUTER_IN_DRAFT, Facts(0.0, draft(OLD, {}))).is_reached
    assert not seen(Goal.ROUTER_VALID, Facts(0.0, draft(OLD, NEW, rejected=frozenset({"/new/"})))).is_reached
    assert not seen(Goal.ROUTER_VALID, Facts(0.0, draft(OLD, {"path": ""}))).is_reached
    assert "/new/" in seen(Goal.ROUTER_VALID, Facts(0.0, draft(OLD, NEW))).text
    assert not seen(Goal.KEYS_TRANSLATED, Facts(0.0, draft(OLD, NEW))).is_reached
    assert seen(Goal.KEYS_TRANSLATED, Facts(0.0, draft(OLD, BOTH))).is_reached


def test_drafts_of_any_shape():
    """A draft may be any JSON object."""
    for routers in (None, 1, [1, None, []], "x"):
        facts = Facts(0.0, DraftFacts({"routers": routers}, {"routers": routers}))
        for goal in (Goal.ROUTER_IN_DRAFT, Goal.ROUTER_VALID, Goal.KEYS_TRANSLATED):
            assert not seen(goal, facts).is_reached


def test_deployments():
    assert seen(Goal.GATEWAY_DEPLOYED, Facts(0.0, draft(is_in_force=True))).is_reached
    assert seen(Goal.FILE_SINK_DEPLOYED, Facts(0.0, sink=draft(is_in_force=True))).is_reached
    off = seen(Goal.FILE_SINK_DEPLOYED, Facts(0.0, sink=draft(is_in_force=True, is_off=True)))
    assert not off.is_reached
    assert "is off" in off.text
