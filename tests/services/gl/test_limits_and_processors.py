"""Processors that change a call with limits: it is charged what is sent, whoever wrote it."""

import json
from decimal import Decimal

import pytest

from tests.services.gl.rig.bus import says
from tests.services.gl.rig.gateway import processor, router
from tests.support.waiting import until

USAGE = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}
ANSWER = json.dumps({"object": "chat.completion", "model": "gpt-4", "usage": USAGE}).encode()
ASKED = {"model": "gpt-4o-mini", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}
CHANGE, REPLACE = "processor.change", "processor.replace"
WRITES = ["outbound_payload", "gl_path", "control", "outbound_subpath"]
CENT = {"budget": {"usd": "0.01", "period": "total"}}
NAMES = ("dear", "long", "chosen", "own", "streamed", "rewritten", "later")


@pytest.fixture(scope="module")
def gateway(run_gateway, shared_upstream):
    """A router with a budget of a cent for each test; `/other/` has none."""
    url = shared_upstream.url
    routers = [router(f"/{name}/", url, price_provider="openai", add_stream_usage=True) | CENT for name in NAMES]
    change = processor("change", modifier=True, output_fields_write=WRITES, routers=[one["path"] for one in routers])
    replace = processor("replace", modifier=True, output_fields_write=["egress_payload"], routers=["/rewritten/"])
    return run_gateway(
        [*routers, router("/other/", url, price_provider="openai")],
        request={"processors": [[change]]},
        response={"processors": [[replace]]},
    )


@pytest.fixture(autouse=True)
def answers(upstream, bus):
    upstream.behaviour = lambda talk: talk.reply(ANSWER)


def ask(gateway, name, path="v1/chat/completions"):
    headers = {"Content-Type": "application/json"}
    return gateway.call("POST", f"/{name}/{path}", headers, json.dumps(ASKED).encode())


@pytest.mark.parametrize(
    ("name", "change"), [("dear", {"model": "gpt-4", "max_tokens": 200}), ("long", {"max_tokens": 100_000})]
)
def test_a_request_that_becomes_dearer(gateway, upstream, bus, name, change):
    """It is reserved as the processor has left it, and refused if that is too much. The same call as it came is not."""
    bus.scripts[CHANGE] = says(outbound_payload=ASKED | change)
    refused = ask(gateway, name)
    assert (refused.status, "budget" in refused.json()["error"]) == (429, True)
    assert upstream.seen == []
    bus.scripts[CHANGE] = says()
    assert ask(gateway, name).status == 200


def test_another_router(gateway, upstream, bus):
    """The budget of the router that the client called holds, not that of the one which a processor has chosen."""
    bus.scripts[CHANGE] = says(gl_path="/other/", outbound_payload=ASKED | {"model": "gpt-4"})
    statuses = [ask(gateway, "chosen").status for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2  # 0.00174 USD each
    assert len(upstream.seen) == 5


def test_an_answer_of_the_processor(gateway, upstream, bus):
    """Nothing was sent, and nothing is charged, whatever usage the answer claims."""
    bus.scripts[CHANGE] = says(control=json.loads(ANSWER))
    assert {ask(gateway, "own").status for _ in range(8)} == {200}
    assert upstream.seen == []
    bus.scripts[CHANGE] = says()
    assert ask(gateway, "own").status == 200


def test_a_stream_that_the_processor_asks_for(gateway, upstream, bus):
    """Its usage is requested and counted."""
    chunk = {"object": "chat.completion.chunk", "model": "gpt-4", "choices": [], "usage": USAGE}
    stream = b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n"
    upstream.behaviour = lambda talk: talk.reply(stream, kind="text/event-stream")
    bus.scripts[CHANGE] = says(outbound_payload=ASKED | {"stream": True})
    reply = ask(gateway, "streamed")
    assert json.loads(upstream.seen[0].body)["stream_options"] == {"include_usage": True}
    record = bus.record(reply.transaction)
    assert Decimal(record["cost"]["usd"]) == Decimal("0.00174")
    statuses = [ask(gateway, "streamed").status for _ in range(6)]
    assert statuses == [200] * 5 + [429]  # the request reserves less than 0.0002 USD


def test_an_answer_without_the_usage_that_it_had(gateway, upstream, bus):
    """What the provider has said counts, not what a processor makes of it."""
    bus.scripts[CHANGE], bus.scripts[REPLACE] = says(), says(egress_payload={"object": "chat.completion"})
    replies = [ask(gateway, "rewritten") for _ in range(7)]
    assert [reply.status for reply in replies] == [200] * 6 + [429]
    assert b"usage" not in replies[0].body
    assert len(upstream.seen) == 6


def test_work_that_the_processor_puts_off(gateway, upstream, bus):
    """A request that a processor makes a batch, or one in the background, is refused as if it had come so."""
    bus.scripts[CHANGE] = says(outbound_payload=ASKED | {"background": True})
    assert ask(gateway, "later", "v1/responses").status == 403
    bus.scripts[CHANGE] = says(outbound_subpath="v1/batches")
    assert ask(gateway, "later").status == 403
    assert upstream.seen == []
    until(lambda: len(bus.on(CHANGE)) == 2)
