"""Processors of some routers, with a real gateway: who is asked, and whose answers are held back for it."""

import pytest

from tests.services.gl.rig.bus import says
from tests.services.gl.rig.gateway import processor, router
from tests.services.gl.rig.upstream import Turns

LATE = {"async": True}
NAMES = ("choose", "guard", "look", "look_late", "ask_late")


@pytest.fixture(scope="module")
def choosy(run_gateway, shared_upstream):
    """A gateway whose processors, except the one that chooses a router, are for `/some/` alone."""
    only = {"routers": ["/some/", "/no/such/"]}
    return run_gateway(
        [router(path, shared_upstream.url) for path in ("/some/", "/other/", "/some/deep/")],
        request={
            "processors": [
                [processor("choose", modifier=True, output_fields_write=["gl_path", "fallback_paths"])],
                [processor("guard", required=True, output_fields_write=["control"], **only)],
                [processor("ask_late", **only, **LATE)],
            ]
        },
        response={"processors": [[processor("look", **only), processor("look_late", **only, **LATE)]]},
    )


@pytest.fixture
def asked(bus):
    """The names of the processors that were asked, when the record is there."""
    for name in NAMES:
        bus.scripts[f"processor.{name}"] = lambda _: b""

    def asked(reply):
        record = bus.record(reply.transaction)
        listed = [
            run["name"]
            for side in ("request", "response")
            for kind in ("processors", "processors_async")
            for run in record[side].get(kind, [])
        ]
        assert sorted(listed) == sorted(subject.removeprefix("processor.") for subject, _ in bus.messages)
        return set(listed)

    return asked


def test_calls_of_the_router(choosy, upstream, bus, asked):
    """A call by the router is given to all of them."""
    bus.scripts["processor.guard"] = says(seen=True)
    assert asked(choosy.call("POST", "/some/x", {}, b"{}")) == set(NAMES)


@pytest.mark.parametrize("path", ["/other/x", "/some/deep/x"])
def test_calls_of_another_router(choosy, upstream, bus, asked, path):
    """A call by another router is not, a required one among them; nor one by a router that lies below."""
    reply = choosy.call("POST", path, {}, b"{}")
    assert reply.status == 200
    assert asked(reply) == {"choose"}


def test_calls_that_go_to_the_router(choosy, upstream, bus, asked):
    """A call that a processor sends to the router counts from then on."""
    bus.scripts["processor.choose"] = says(gl_path="/some/")
    bus.scripts["processor.guard"] = says(control={"stopped": True})
    reply = choosy.call("POST", "/other/x", {}, b"{}")
    assert reply.json() == {"stopped": True}
    assert asked(reply) == set(NAMES)


def test_calls_that_go_away_from_the_router(choosy, upstream, bus, asked):
    """The router by which a call came counts to its end."""
    bus.scripts["processor.choose"] = says(gl_path="/other/")
    bus.scripts["processor.guard"] = says(seen=True)
    assert asked(choosy.call("POST", "/some/x", {}, b"{}")) == set(NAMES)


def test_calls_that_end_up_at_the_router(choosy, upstream, bus, asked):
    """After a failover the target that answered counts: who looks at its answers does, who guards its door was late."""
    bus.scripts["processor.choose"] = says(fallback_paths=["/some/"])
    answers = iter([503, 200])
    upstream.behaviour = lambda talk: talk.reply(b"{}", next(answers))
    reply = choosy.call("POST", "/other/x", {}, b"{}")
    assert reply.status == 200
    assert asked(reply) == {"choose", "look", "look_late", "ask_late"}


def test_answers_of_another_router_are_not_held_back(choosy, upstream, bus, asked):
    """A stream of a router that no synchronous response processor is for is forwarded as it arrives."""
    turns = Turns()

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        for number in range(3):
            talk.chunk(b"data: %d\n\n" % number)
            turns.wait()
        talk.chunk(b"")

    upstream.behaviour = behaviour
    with choosy.client() as client:
        client.ask("POST", "/other/x", {}, b"{}").head()
        for number in range(3):
            assert client.chunk() == b"data: %d\n\n" % number
            turns.done()
        assert client.chunk() == b""


def test_a_path_that_no_router_has_is_said(choosy):
    """The log names the place in the config; the file is taken."""
    said = choosy.process.wait_for_log("config warning")
    assert said["path"] == "request.processors[1][0].routers[1]"
