"""Filters in addresses."""

import pytest

from gecholog.ledger.filters import CallFilter, TimeRange
from services.gui.ledger.selection import Selection, WrongSelection

RANGE = TimeRange(0, 10)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {}),
        ({"router": "/v1/", "client": "k1", "model": " m "}, {"router": "/v1/", "client": "k1", "model": "m"}),
        ({"model": "(none)"}, {"model": ""}),
        ({"status": "ok"}, {"errors": False}),
        ({"status": "failed"}, {"errors": True}),
        ({"status": "4xx"}, {"status_class": 4}),
        ({"status": "none"}, {"status_class": 0}),
        ({"status": "429", "error": "limit"}, {"status": 429, "error_class": "limit"}),
        ({"owner": "a", "tag": "b", "session": "S", "provider": "p"},
         {"owner": "a", "tag": "b", "session": "S", "provider": "p"}),
    ],
)  # fmt: skip
def test_what_an_address_selects(query, expected):
    selection = Selection.of(query | {"unknown": "x"})
    assert selection.filter(RANGE) == CallFilter(RANGE, **expected)
    assert Selection.of(selection.query) == selection


@pytest.mark.parametrize("query", [{"status": "200 OR 1=1"}, {"status": "99"}, {"status": "1000"}, {"error": "x"}])
def test_what_selects_nothing_is_refused(query):
    with pytest.raises(WrongSelection):
        Selection.of(query)


def test_one_filter_can_be_removed():
    assert Selection(router="/a/", status="ok").without("status") == {"router": "/a/"}
