"""Attempts: which targets are called, in which order, and what the record says of them."""

import asyncio
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog import rawjson
from gecholog.rawjson import Raw
from services.gl import pipeline
from services.gl.bodies.client_body import ClientBody
from services.gl.errors import UpstreamError
from services.gl.resilience.breaker import State
from services.gl.stages import attempts
from tests.services.gl.rig.gateway import router
from tests.services.gl.rig.stage import (
    FakeRecorder,
    FakeRequest,
    FakeResponse,
    FakeUpstreams,
    arrived,
    built,
    call_of,
    deps,
    done,
)
from tests.support.waiting import DEADLINE, eventually

PATHS = ("/a/", "/b/", "/c/", "/d/")


class Targets(FakeUpstreams):
    """One target a router: a response, a status, or an error by the router's path; 200 if nothing is said."""

    def __init__(self, **outcomes):
        super().__init__()
        self.outcomes = {f"/{name}/": outcome for name, outcome in outcomes.items()}
        self.answers = []

    async def send(self, outbound):
        self.sent.append(outbound)
        outcome = self.outcomes.get(outbound.router.path, 200)
        if isinstance(outcome, Exception):
            raise outcome
        self.answers.append(FakeResponse(outcome) if isinstance(outcome, int) else outcome)
        return self.answers[-1]

    @property
    def order(self):
        return [outbound.router.path for outbound in self.sent]


CONFIG = built([router(path, f"http://host{path[1]}") for path in PATHS])


async def prepared(targets, *, config=CONFIG, path="/a/", request=None, **written):
    """A call after all its attempts, with fields that processors wrote."""
    call = call_of(config, request or FakeRequest(path=f"{path}x"), path=path)
    await arrived(call, deps())
    for name, value in written.items():
        call.request_section.write({name: Raw(json.dumps(value).encode())})
    for stage in (attempts.plan, attempts.run):
        await done(stage(call, deps(targets=targets)))
    return call


def outcomes(call):
    """Path and outcome of each attempt in the record."""
    return [(one["gl_path"], one.get("status_code", one.get("error"))) for one in call.outcomes]


statuses = st.sampled_from([200, 204, 301, 400, 404, 408, 409, 429, 500, 503, 599])
answers = st.one_of(statuses, st.sampled_from([502, 503, 504]).map(lambda status: UpstreamError(status, "the reason")))


@settings(deadline=None)
@given(results=st.tuples(*[answers] * 4), paths=st.lists(st.sampled_from([*PATHS, "/x/", "a", ""]), max_size=6))
def test_order_of_attempts(results, paths):
    """The first target, then the paths that were named, each once, until one does not fail."""
    targets = Targets(**dict(zip("abcd", results, strict=True)))
    call = asyncio.run(prepared(targets, fallback_paths=paths))
    expected = []
    for path in dict.fromkeys(["/a/", *(path for path in paths if path in PATHS)]):
        expected.append(path)
        result = results["abcd".index(path[1])]
        if not isinstance(result, UpstreamError) and result not in (408, 429, 500, 503, 599):
            break
    assert targets.order == expected
    assert call.target_router.path == expected[-1]
    last = results["abcd".index(expected[-1][1])]
    assert call.response.status == (last.status if isinstance(last, UpstreamError) else last)
    if set(paths) & set(PATHS):
        assert [path for path, _ in outcomes(call)] == expected
    else:
        assert call.outcomes is None
    notes = [error["details"] for error in call.request_section.errors if error["name"] == "fallback_paths"]
    assert len(notes) == (1 if set(paths) - set(PATHS) else 0)


async def test_what_is_recorded_of_an_attempt():
    """Path, url, outcome and timer; the usual fields tell of the last one."""
    targets = Targets(a=UpstreamError(503, "host name not found"), b=429)
    call = await prepared(targets, request=FakeRequest(path="/a/v1/x", query="q=1"), fallback_paths=["/b/", "/c/"])
    assert outcomes(call) == [("/a/", "host name not found"), ("/b/", 429), ("/c/", 200)]
    assert [one["url"] for one in call.outcomes] == [f"http://host{name}/v1/x?q=1" for name in "abc"]
    assert {tuple(one) for one in call.outcomes} == {
        ("gl_path", "url", "error", "timer"),
        ("gl_path", "url", "status_code", "timer"),
    }
    assert set(rawjson.loads(rawjson.dumps(call.outcomes[0]["timer"]))) == {"start", "stop", "duration"}
    fields = call.request_section.fields
    assert (fields["gl_path"], fields["original_gl_path"]) == ("/c/", "/a/")
    assert (fields["url_path"], call.attempt.url) == ("http://hostc/v1/x", "http://hostc/v1/x?q=1")
    assert call.fault == ""


async def test_when_a_failing_target_wants_to_be_asked_again():
    """`Retry-After` of an attempt that fails is listed, as it was said: its response is thrown away, perhaps."""
    lines = [(b"retry-after", b"30"), (b"Retry-After", b"40")]
    targets = Targets(a=FakeResponse(429, lines), b=FakeResponse(200, lines))
    call = await prepared(targets, fallback_paths=["/b/"])
    assert [one.get("retry_after") for one in call.outcomes] == ["30", None]


async def test_answers_that_are_given_up_are_let_go():
    """No response but the last is kept, and none of its body is read."""
    targets = Targets(a=500, b=429, c=503)
    call = await prepared(targets, fallback_paths=["/b/", "/c/"])
    assert [response.abandoned for response in targets.answers] == [True, True, False]
    assert call.response is targets.answers[-1]


async def test_no_fallback_paths():
    """Without them a failure is the response, and the record has no attempts."""
    targets = Targets(a=503)
    call = await prepared(targets)
    assert (targets.order, call.outcomes, call.response_section.opt_in_fields) == (["/a/"], None, None)


@pytest.mark.parametrize("wrong", [None, "/b/", {}, {"a": "/b/"}, 3, True, ["/b/", 3], [["/b/"]], [None]])
async def test_wrong_forms(wrong):
    """What is no list of texts is noted, and not used at all."""
    targets = Targets(a=503)
    call = await prepared(targets, fallback_paths=wrong)
    assert targets.order == ["/a/"]
    assert call.outcomes is None
    assert call.request_section.errors == [{"name": "fallback_paths", "details": "must be a list of router paths"}]


async def test_unknown_paths_are_named():
    """A path that no router has is left out, and the record says which."""
    targets = Targets(a=503)
    call = await prepared(targets, fallback_paths=["/x/", "/b", "/b/", "/y/"])
    assert targets.order == ["/a/", "/b/"]
    (error,) = call.request_section.errors
    assert error["details"].endswith(": /x/, /b, /y/")


@pytest.mark.parametrize(("written", "path"), [({"control": {"x": 1}}, "/a/"), ({}, "/echo/")])
async def test_no_attempts_without_a_target(written, path):
    """A response in the target's place is no attempt."""
    config = built([router("/a/", "http://a"), router("/echo/", "http://e"), router("/b/", "http://b")])
    targets = Targets()
    call = await prepared(targets, config=config, path=path, fallback_paths=["/b/"], **written)
    assert (targets.sent, call.outcomes) == ([], None)


async def test_first_target_of_a_processors_choice():
    """A processor's `gl_path` is the first target; the router of the call may be a fallback like any other."""
    targets = Targets(b=500)
    call = await prepared(targets, gl_path="/b/", fallback_paths=["/b/", "/a/", "/c/"])
    assert targets.order == ["/b/", "/a/"]
    assert call.request_section.fields["gl_path"] == "/a/"
    assert "original_gl_path" not in call.request_section.fields


async def test_first_target_if_the_choice_is_unknown():
    """A `gl_path` that no router has keeps the router, and an attempt is named after that."""
    targets = Targets(a=500)
    call = await prepared(targets, gl_path="/x/", fallback_paths=["/a/", "/b/"])
    assert outcomes(call) == [("/a/", 500), ("/b/", 200)]


async def test_nothing_of_a_router_goes_to_the_next():
    """Url, query, headers, path and time-outs are those of one router in each attempt; notes are not doubled."""
    config = built(
        [
            router(
                "/a/", "http://a/v1?key=one&x=one", endpoint="e/f?y=one", headers={"Api-Key": ["one"], "X-One": ["1"]}
            ),
            router("/b/", "http://b?z=two", headers={"X-Two": ["2"]}, timeouts={"total_ms": 5}),
            router("/c/", "https://c:444/c/chat/completions", headers={"Api-Key": ["three"]}, add_stream_usage=True),
        ],
        remove_headers=["X-Gone"],
    )
    body = b'{"stream":true,"messages":[]}'
    lines = [(b"Api-Key", b"caller"), (b"X-Gone", b"1"), (b"Accept-Encoding", b"gzip")]
    targets = Targets(a=500, b=500, c=500)
    call = await prepared(
        targets,
        config=config,
        request=FakeRequest(path="/a/s/t", query="x=mine&q=1", lines=lines, body=body),
        fallback_paths=["/c/", "/b/"],
        outbound_subpath=3,
    )
    one, three, two = targets.sent
    assert (one.path, one.query) == ("/v1/e/f", "q=1&key=one&x=one&y=one")
    assert (two.path, two.query) == ("/", "x=mine&q=1&z=two")
    assert (three.path, three.query) == ("/c/chat/completions", "x=mine&q=1")
    assert one.headers == {"Api-Key": ["one"], "X-One": ["1"], "Accept-Encoding": ["gzip"]}
    assert two.headers == {"Api-Key": ["caller"], "X-Two": ["2"], "Accept-Encoding": ["gzip"]}
    assert three.headers == {"Api-Key": ["three"]}
    assert (one.body, two.body) == (body, body)
    assert b"include_usage" in three.body
    assert call.attempt.transform is None
    assert two.router.target.timeouts.total == 0.005
    fields = call.request_section.fields
    assert fields["outbound_query_parameters"] == {"x": ["mine"], "q": ["1"], "z": ["two"]}
    assert "outbound_query_parameters_overwritten" not in fields
    assert fields["outbound_headers_removed"] == {"X-Gone": []}
    assert fields["outbound_payload"] == body
    assert [error["name"] for error in call.request_section.errors] == ["outbound_subpath"]


async def test_fault_of_an_attempt_that_was_given_up_is_forgotten():
    """The reason why a target could not be called is that attempt's."""
    targets = Targets(a=UpstreamError(502, "connection refused"))
    call, records = call_of(CONFIG, FakeRequest(path="/a/x"), path="/a/"), FakeRecorder()
    everything = deps(targets=targets, records=records)

    async def write(call, _):
        call.request_section.write({"fallback_paths": Raw(b'["/b/"]')})

    before = [step.stage for step in pipeline.BEFORE_REPLY]
    stages = [write if stage.__name__ == "before_call" else stage for stage in before]
    for stage in stages:
        await done(stage(call, everything))
    await pipeline.take(pipeline.AFTER_REPLY, call, everything)
    assert "error" not in records.record["response"]
    assert records.record["request"]["attempts"][0]["error"] == "connection refused"


async def test_caller_leaves_during_an_attempt():
    """Who leaves during the second attempt: it is listed, with the first, and no third is made."""
    reached, never = asyncio.Event(), asyncio.Event()

    class Hanging(Targets):
        async def send(self, outbound):
            if outbound.router.path == "/b/":
                self.sent.append(outbound)
                reached.set()
                await never.wait()
            return await super().send(outbound)

    targets = Hanging(a=503)
    call = call_of(CONFIG, FakeRequest(path="/a/x"), path="/a/")
    await arrived(call, deps())
    call.request_section.write({"fallback_paths": Raw(b'["/b/","/c/"]')})
    attempts.plan(call, deps())
    task = asyncio.create_task(attempts.run(call, deps(targets=targets)))
    await asyncio.wait_for(reached.wait(), DEADLINE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcomes(call) == [("/a/", 503), ("/b/", "broken off")]
    assert targets.order == ["/a/", "/b/"]


def resilient(path, url, total=None, **outbound):
    """A router that has retries or fallbacks of its own."""
    return router(path, url, timeouts={} if total is None else {"total_ms": total}, **outbound)


async def test_total_of_the_calls_router():
    """It is the deadline of all attempts; that of another router only limits the attempt there."""
    config = built(
        [
            resilient("/a/", "http://a", 60_000, fallbacks=["/b/"], retries=1),
            resilient("/b/", "http://b", 7_000),
            resilient("/c/", "http://c", 60_000),
        ]
    )
    targets = Targets(a=FakeResponse(503, [(b"Retry-After", b"0")]), b=503)
    call = await prepared(targets, config=config)
    assert targets.order[-1] == "/b/"
    assert {outbound.deadline for outbound in targets.sent} == {call.deadline}
    assert call.deadline is not None
    assert targets.sent[-1].router.target.timeouts.total == 7.0
    alone = await prepared(targets, config=config, path="/c/")
    assert alone.deadline is None  # one attempt: the pool's time-out is enough


async def test_no_attempt_after_the_deadline():
    """If the time is over, the response of the last attempt is the client's."""
    targets = Targets(a=UpstreamError(504, "no answer in time"))
    call = await prepared(
        targets, config=built([resilient("/a/", "http://a", 0.001, fallbacks=["/b/"]), router("/b/", "http://b")])
    )
    assert (targets.order, call.response.status) == (["/a/"], 504)


async def test_a_pause_that_is_too_long():
    """A retry that would come after the deadline is not waited for."""
    targets = Targets(a=FakeResponse(429, [(b"Retry-After", b"20")]))
    call = await prepared(targets, config=built([resilient("/a/", "http://a", 10_000, retries=3)]))
    assert (targets.order, call.response.status) == (["/a/"], 429)


async def test_breaker_and_retries():
    """A target whose breaker opens is not retried if there is another one, and is passed over by the next call."""
    breaker = {"failures": 2}
    routers = [resilient("/a/", "http://a", retries=5, fallbacks=["/b/"], breaker=breaker), router("/b/", "http://b")]
    targets, everything = Targets(a=FakeResponse(500, [(b"Retry-After", b"0")])), deps()
    for expected in (["/a/", "/a/", "/b/"], ["/b/"]):
        targets.sent.clear()
        call = call_of(built(routers), FakeRequest(path="/a/x"), path="/a/")
        await arrived(call, everything)
        for stage in (attempts.plan, attempts.run):
            await done(stage(call, replace(everything, upstream=targets)))
        assert targets.order == expected


@pytest.mark.parametrize(("is_half_open", "all_open"), [(False, False), (True, False), (False, True)])
async def test_breaker_that_opens_before_the_call(is_half_open, all_open):
    """A target whose breaker opened after `plan`, or that another call probes since, is passed over if it can be."""
    breaker = {"failures": 1, "open_ms": 1 if is_half_open else 600_000}
    routers = [
        resilient(path, "http://a", fallbacks=["/b/"] if path == "/a/" else [], breaker=breaker) for path in PATHS
    ]
    targets, everything = Targets(), deps()
    breakers = everything.targets.breakers
    call = call_of(built(routers), FakeRequest(path="/a/x"), path="/a/")
    await arrived(call, everything)
    await done(attempts.plan(call, everything))
    call.client_body = ClientBody(
        b"{}", "application/json"
    )  # as in a call of a router of models, whose translation may take a while
    assert len(call.candidates) == 2
    for candidate in call.candidates if all_open else call.candidates[:1]:
        breakers.ended(candidate, breakers.began(candidate), failed=True)
    if is_half_open:
        await eventually(lambda: breakers.admits(call.candidates[0]))
        breakers.began(call.candidates[0])
    await done(attempts.run(call, replace(everything, upstream=targets)))
    assert targets.order == ["/a/" if all_open else "/b/"]


async def test_time_that_others_used_up_is_no_fault_of_a_target():
    """An attempt that the deadline ends counts as failed only if it had all the time."""
    everything = deps()
    breaker = {"failures": 1}

    class Slow(Targets):
        """Each target uses up the time of the call."""

        def __init__(self, call):
            super().__init__()
            self._call = call

        async def send(self, outbound):
            self.sent.append(outbound)
            if outbound.router.path == "/b/":
                self._call.deadline = asyncio.get_running_loop().time()
            raise UpstreamError(504, "no answer in time")

    config = built(
        [
            resilient("/a/", "http://a", 60_000, fallbacks=["/b/", "/c/"], breaker=breaker),
            resilient("/b/", "http://b", breaker=breaker),
            router("/c/", "http://c"),
        ]
    )
    call = call_of(config, FakeRequest(path="/a/x"), path="/a/")
    await arrived(call, everything)
    targets = Slow(call)
    for stage in (attempts.plan, attempts.run):
        await done(stage(call, replace(everything, upstream=targets)))
    assert targets.order == ["/a/", "/b/"]
    states = {one.target: one.state for one in everything.targets.breakers.states()}
    assert states == {"/a/": State.OPEN}
