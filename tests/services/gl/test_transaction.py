"""The transaction id as a field for response processors, with a real gateway."""

import json

import pytest

from tests.services.gl.rig.gateway import processor, router

SEEN = {"input_fields_include": ["gl_path", "transaction_id"]}


@pytest.fixture(scope="module")
def telling(run_gateway, shared_upstream):
    """A gateway with response processors that name the field, and one that is given everything."""
    return run_gateway(
        [router("/some/", shared_upstream.url)],
        response={
            "processors": [
                [processor("now", **SEEN), processor("all")],
                [processor("late", **SEEN, **{"async": True})],
            ]
        },
    )


def test_who_names_it_is_given_it(telling, upstream, bus):
    """Before and after the reply; nobody else is given it, and the record has it where it always had it."""
    for name in ("now", "all", "late"):
        bus.scripts[f"processor.{name}"] = lambda _: b""
    reply = telling.call("POST", "/some/x", {}, b"{}")
    record = bus.record(reply.transaction)
    seen = {subject.removeprefix("processor."): json.loads(data) for subject, data in bus.messages}
    expected = {"gl_path": "/some/", "transaction_id": reply.transaction}
    assert (seen["now"], seen["late"]) == (expected, expected)
    assert "transaction_id" not in seen["all"]
    assert record["transaction_id"] == reply.transaction
    assert "transaction_id" not in record["response"]
