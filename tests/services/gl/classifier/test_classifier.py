"""The classifier: what it is sent, what of its response is a rating, and what becomes of the ones that fail."""

import asyncio
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import rawjson
from gecholog.llm.price_table import shipped
from gecholog.llm.prices import Prices
from gecholog.quota.limits import Budget, Limits
from gecholog.quota.period import Period
from gecholog.quota.subject import Subject
from services.gl.candidates.candidate import Candidate
from services.gl.candidates.provider_target import provider_target
from services.gl.classifier import call_rating
from services.gl.classifier.classifier import CHAT, can_rate, known, rate, rating_in, request
from services.gl.errors import Refusal, UpstreamError
from services.gl.models.model import Classifier
from services.gl.models.provider import provider_of
from services.gl.resilience.breaker import State
from services.gl.routing.routers import Router, Timeouts
from services.gl.usage.settlement import settle
from tests.services.gl.rig.stage import FakeResponse, FakeUpstreams, call_of, deps
from tests.support.waiting import DEADLINE

RULES = Classifier("judge", timeout=60.0)


def rater_of(name="one", model="m", **more):
    provider = provider_of({"name": name, "dialect": "openai", "url": f"http://{name}/v1", "api_key": "k", **more})
    return Candidate(Router("/v1/", {}, provider_target(provider, {}, Timeouts(), frozenset())), provider, model, CHAT)


def completion(text):
    usage = {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8}
    choices = [{"message": {"role": "assistant", "content": text}}]
    return FakeResponse(pieces=[json.dumps({"choices": choices, "usage": usage}).encode()])


# ------------------------------------------------------------------ pure


def test_question():
    """The text is data of a user message, cut to a limit; the instruction names the scale."""
    asked = request(Classifier("judge", scale=7, max_tokens=9), "m", "x" * 10_000)
    system, user = asked["messages"]
    assert "from 1 (" in system["content"]
    assert "to 7 (" in system["content"]
    assert user == {"role": "user", "content": "x" * 8000}
    assert (asked["model"], asked["max_tokens"], asked["temperature"]) == ("m", 9, 0)


@pytest.mark.parametrize("model", ["o3", "openai/gpt-5.4-nano", "gpt-6"])
def test_question_to_a_reasoning_model(model):
    """It takes no temperature, and its reasoning needs room."""
    asked = request(Classifier("judge", max_tokens=8), model, "x")
    assert (asked["max_completion_tokens"], asked["reasoning_effort"]) == (520, "low")
    assert not {"temperature", "max_tokens"} & asked.keys()


def test_question_with_parameters():
    """Those of the config win."""
    assert request(Classifier("judge", parameters=(("temperature", 1), ("top_p", 0.5))), "m", "x")["temperature"] == 1


@given(st.integers(2, 1000), st.data())
def test_rating(scale, data):
    """The first number of the text, if it is on the scale."""
    rating = data.draw(st.integers(1, scale))
    for text in (f"{rating}", f"Rating: {rating}/{scale}", f" {rating}\n"):
        assert rating_in({"choices": [{"message": {"content": text}}]}, scale) == rating


@pytest.mark.parametrize("text", ["", "hard", "0", "11", "99999999999999999999999999", None, 7, ["7"], {"text": "7"}])
def test_no_rating(text):
    """Anything else is none."""
    assert rating_in({"choices": [{"message": {"content": text}}]}, 10) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["choices", "message", "content", "x"]), inner),
)


@given(json_values)
def test_rating_in_anything(value):
    """Whatever a provider sends."""
    found = rating_in(value, 10)
    assert found is None or 1 <= found <= 10


def test_can_rate():
    """A provider that has chat completions, or whose dialect they can be translated into."""
    assert can_rate(rater_of().provider, "m")
    assert can_rate(rater_of(dialect="anthropic").provider, "m")
    assert can_rate(rater_of(dialect="cohere").provider, "m")


# ------------------------------------------------------------------ calls


async def test_rate():
    """The record shows model, rating, tokens and time. The same text is not rated twice."""
    targets = FakeUpstreams(completion("8"))
    everything = deps(targets=targets)
    rated = await rate(RULES, rater_of(), "hard?", everything)
    assert rated.rating == 8
    fields = rawjson.loads(rawjson.dumps(rated.record_fields))
    assert (fields["model"], fields["rating"], fields["usage"]["total_tokens"]) == ("one/m", 8, 8)
    assert set(fields["timer"]) == {"start", "stop", "duration"}
    again = known(RULES, rater_of(), "hard?", everything)
    assert again is not None
    assert again.record_fields == {"model": "one/m", "rating": 8, "cached": True}
    (sent,) = targets.sent
    assert (sent.path, sent.headers["Authorization"]) == ("/v1/chat/completions", ["Bearer k"])


async def test_rate_in_another_dialect():
    """The request is in the provider's own dialect; its model is not to think."""
    answer = {
        "candidates": [{"content": {"parts": [{"text": "8"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 1, "totalTokenCount": 8},
    }
    targets = FakeUpstreams(FakeResponse(pieces=[rawjson.dumps(answer)]))
    rated = await rate(RULES, rater_of(dialect="gemini"), "hard?", deps(targets=targets))
    assert rated.rating == 8
    assert rawjson.loads(rawjson.dumps(rated.record_fields))["usage"]["total_tokens"] == 8
    (sent,) = targets.sent
    assert sent.path.endswith(":generateContent")
    assert sent.headers["X-Goog-Api-Key"] == ["k"]
    assert "hard?" in sent.body.decode()


@pytest.mark.parametrize("body", [b"[]", b"no json", b'{"error": {"message": "No."}}'])
async def test_no_rating_in_another_dialect(body):
    """What cannot be read is no rating."""
    targets = FakeUpstreams(FakeResponse(pieces=[body]))
    rated = await rate(RULES, rater_of(dialect="anthropic"), "hard?", deps(targets=targets))
    assert (rated.rating, rated.record_fields["error"]) == (None, "no rating in the answer")


@pytest.mark.parametrize(
    ("outcome", "error", "state"),
    [
        (UpstreamError(502, "Connection refused"), "Connection refused", State.OPEN),
        (FakeResponse(503), "status 503", State.OPEN),
        (FakeResponse(401), "status 401", State.CLOSED),
        (completion("very hard"), "no rating in the answer", State.CLOSED),
        (FakeResponse(pieces=[b"no json"]), "no rating in the answer", State.CLOSED),
        (FakeResponse(pieces=[b"{", UpstreamError(502, "broke off")]), "broke off", State.OPEN),
    ],
)
async def test_rate_fails(outcome, error, state):
    """There is no rating, the record says why, and the circuit breaker counts what is a fault of the provider."""
    everything = deps(targets=FakeUpstreams(outcome))
    rated = await rate(RULES, rater_of(breaker={"failures": 1}), "x", everything)
    assert (rated.rating, rated.record_fields["error"]) == (None, error)
    assert [one.state for one in everything.targets.breakers.states()] == [state]


class Silent(FakeUpstreams):
    """A provider that never responds."""

    def __init__(self):
        super().__init__()
        self.reached = asyncio.Event()

    async def send(self, _):
        self.reached.set()
        await asyncio.Event().wait()


async def test_no_response_in_time():
    """The time-out of the classifier is a failure of its provider."""
    everything = deps(targets=Silent())
    rated = await rate(Classifier("judge", timeout=0.01), rater_of(breaker={"failures": 1}), "x", everything)
    assert (rated.rating, rated.record_fields["error"]) == (None, "no answer within 10 ms")
    assert [one.state for one in everything.targets.breakers.states()] == [State.OPEN]


# ------------------------------------------------------------------ of a call


async def test_cost_of_a_rating():
    """The record shows what it costs, if the price of the model is known."""
    call = call_of()
    call.config = replace(call.config, prices=Prices(shipped()))
    everything = deps(targets=FakeUpstreams(completion("8")))
    await call_rating.rate(call, RULES, [rater_of(model="gpt-4o", profile="openai")], "x", everything)
    shown = rawjson.loads(rawjson.dumps(call.request_base.fields["classifier"]))
    assert shown["cost"] == {"usd": "0.0000275", "prices": shipped().version}  # 7 * 2.5 + 1 * 10 USD per million
    everything = deps(targets=FakeUpstreams(completion("8")))
    await call_rating.rate(call, RULES, [rater_of(model="gpt-4o", profile="generic")], "x", everything)
    assert "cost" not in call.request_base.fields["classifier"]


async def test_client_leaves():
    """The record shows the rating that was under way; it says nothing about the provider."""
    targets = Silent()
    everything, call = deps(targets=targets), call_of()
    rater = rater_of(breaker={"failures": 1})
    task = asyncio.create_task(call_rating.rate(call, RULES, [rater], "x", everything))
    await asyncio.wait_for(targets.reached.wait(), DEADLINE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    fields = call.request_base.fields["classifier"]
    assert (fields["model"], fields["rating"], fields["error"]) == ("one/m", None, "broken off")
    assert "timer" in fields
    assert all(one.state is State.CLOSED for one in everything.targets.breakers.states())


def limit(call, everything, tokens):
    """Admit a call whose client has a budget of so many tokens."""
    subject = Subject("key.k", Limits(budget=Budget(tokens, Period.TOTAL, is_tokens=True)))
    call.limits = everything.quotas.limits.of((subject,), None, None)
    everything.quotas.admit(call.limits.accounts)
    call.is_admitted = True
    return lambda: everything.quotas.usage(call.limits, None)["data"][0]["budget"]


async def test_no_budget_for_a_rating():
    """The classifier is not called. A rating that is in the cache needs no budget."""
    everything, call = deps(targets=FakeUpstreams(completion("8"))), call_of()
    budget = limit(call, everything, 50)
    with pytest.raises(Refusal) as raised:
        await call_rating.rate(call, RULES, [rater_of()], "x", everything)
    assert (raised.value.status, everything.upstream.sent) == (429, [])
    await call_rating.rate(call_of(), RULES, [rater_of()], "x", everything)
    assert await call_rating.rate(call, RULES, [rater_of()], "x", everything) == 8
    settle(call, everything)
    assert (budget()["used_tokens"], budget()["reserved_tokens"]) == (0, 0)


@pytest.mark.parametrize(("answer", "used"), [(completion("8"), 8), (FakeResponse(503), 0)])
async def test_budget_of_a_rating(answer, used):
    """What it may use is held until the call is settled, and what it has used is charged."""
    everything, call = deps(targets=FakeUpstreams(answer)), call_of()
    budget = limit(call, everything, 1000)
    await call_rating.rate(call, RULES, [rater_of()], "x", everything)
    assert budget()["reserved_tokens"] > 100
    settle(call, everything)
    assert (budget()["used_tokens"], budget()["reserved_tokens"]) == (used, 0)


async def test_budget_of_a_rating_without_usage():
    """It is charged what was reserved, and so is one that the client did not wait for. The record shows that."""
    targets = Silent()
    everything, call = deps(targets=targets), call_of()
    budget = limit(call, everything, 1000)
    task = asyncio.create_task(call_rating.rate(call, RULES, [rater_of()], "x", everything))
    await asyncio.wait_for(targets.reached.wait(), DEADLINE)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    settle(call, everything)
    left = budget()["used_tokens"]
    usage = rawjson.loads(rawjson.dumps(call.request_base.fields["classifier"]))["usage"]
    assert (usage["source"], usage["total_tokens"]) == ("estimated", left)
    assert left > 100
    everything, call = deps(targets=FakeUpstreams(FakeResponse(pieces=[b'{"choices": []}']))), call_of()
    budget = limit(call, everything, 1000)
    await call_rating.rate(call, RULES, [rater_of()], "x", everything)
    settle(call, everything)
    assert budget()["used_tokens"] == left


async def test_open_breakers():
    """A model whose circuit breaker is open is passed over, and if all are, the call continues without a rating."""
    everything, call = deps(targets=FakeUpstreams(FakeResponse(500))), call_of()
    raters = [rater_of("one", breaker={"failures": 1}), rater_of("two", breaker={"failures": 1})]
    for name in ("one/m", "two/m"):
        assert await call_rating.rate(call, RULES, raters, "x", everything) is None
        assert call.request_base.fields["classifier"]["model"] == name
    assert await call_rating.rate(call, RULES, raters, "x", everything) is None
    assert len(everything.upstream.sent) == 2
    assert [error["details"] for error in call.request_base.errors] == [
        "status 500",
        "status 500",
        "the circuit breaker of one/m is open",
    ]
