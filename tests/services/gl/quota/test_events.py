"""Events about budgets."""

import pytest

from gecholog.quota.limits import Budget, Limits
from gecholog.quota.period import Period
from gecholog.quota.subject import Mark, Subject
from services.gl.quota.events import event_of, subject_of


def test_event():
    """Of a router's budget of 20 USD, 20.5 are used."""
    budget = Budget(20 * 10**9, Period.TOTAL)
    mark = Mark(Subject("router./v1.0/", Limits(budget=budget)), budget, 100, 20_500_000_000, 2**53)
    assert event_of(mark, "GATEWAY1", 0) == {
        "event": "budget_reached",
        "id": f"router./v1.0//total/{2**53}/100",
        "time": "1970-01-01T00:00:00.000000000Z",
        "gateway_id": "GATEWAY1",
        "subject": {"kind": "router", "name": "/v1.0/"},
        "percent": 100,
        "budget": {"usd": "20", "period": "total"},
        "used": {"usd": "20.5"},
    }


@pytest.mark.parametrize(
    ("topic", "subject"),
    [("coburn.gl.gecholog", "coburn.gl.events"), ("team_b.gl.x", "team_b.gl.events"), ("gl", "events")],
)
def test_subject(topic, subject):
    assert subject_of(topic) == subject
