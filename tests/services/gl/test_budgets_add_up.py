"""Budgets add up: gl and nats-server are killed amid calls, and keys have been charged what providers say they sent.

`BUDGET_CALLS` is how many calls there are in each of three rounds. Every call names a model of its own, by which the
dummy's totals and the records are compared.
"""

import asyncio
import contextlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeout

from gecholog.keys.credential import NewKey, new_key
from gecholog.quota.limits import Budget, Limits
from gecholog.quota.period import Period
from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.rig.http_client import Broken
from tests.services.gl.rig.upstream import Upstream
from tests.support.client_keys import ClientKeys
from tests.support.dummy import Dummy
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

CALLS = int(os.environ.get("BUDGET_CALLS", "400"))
KEYS, CALLERS = 10, 8
LIMITS = Limits(budget=Budget(10**9, Period.TOTAL, is_tokens=True))
MESSAGES = {"max_tokens": 10, "messages": [{"role": "user", "content": "Hello there"}]}
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
HEADERS = {"Content-Type": "application/json", "Anthropic-Version": "2023-06-01"}
SLOW = {"X-Dummy-Chunks": "40", "X-Dummy-Chunk-Delay-Ms": "10"}
WORD = b"You"  # with which the dummy's answers begin
MOST_TOKENS = 200  # of a call that is charged by an estimate


@dataclass(frozen=True)
class Kind:
    """A kind of call. `prefix` stands before the name of the model."""

    path: str
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    is_abandoned: bool = False


KINDS = {
    "chat": Kind("/plain/v1/chat/completions", MESSAGES),
    "chat, streamed": Kind("/plain/v1/chat/completions", MESSAGES | STREAMED),
    "chat, abandoned": Kind(
        "/plain/v1/chat/completions", MESSAGES | STREAMED | {"max_tokens": 40}, SLOW, is_abandoned=True
    ),
    "messages": Kind("/plain/v1/messages", MESSAGES),
    "messages, streamed": Kind("/plain/v1/messages", MESSAGES | {"stream": True}),
    "messages, abandoned": Kind(
        "/plain/v1/messages", MESSAGES | {"stream": True, "max_tokens": 40}, SLOW, is_abandoned=True
    ),
    "messages, translated": Kind("/v1/messages", MESSAGES, prefix="dummy/"),
    "messages, translated and streamed": Kind("/v1/messages", MESSAGES | {"stream": True}, prefix="dummy/"),
    "responses": Kind("/plain/v1/responses", {"input": "Hello there", "max_output_tokens": 16}),
    "responses, streamed": Kind(
        "/plain/v1/responses", {"input": "Hello there", "max_output_tokens": 16, "stream": True}
    ),
    "embeddings": Kind("/plain/v1/embeddings", {"input": ["Hello there", "Hi"]}),
    "failing": Kind("/plain/v1/chat/completions", MESSAGES, {"X-Dummy-Status": "500"}),
    "failing over from 500": Kind("/over/500/v1/chat/completions", MESSAGES),
    "failing over from 429, streamed": Kind("/over/429/v1/chat/completions", MESSAGES | STREAMED),
}


@dataclass(frozen=True)
class Planned:
    """A call that is to be made."""

    key: NewKey
    model: str
    kind: str


@dataclass
class Calls:
    """The calls of a test by their models. `outcomes` has the status, `left` or `broken`."""

    planned: dict[str, Planned] = field(default_factory=dict)
    outcomes: dict[str, int | str] = field(default_factory=dict)

    def plan(self, keys, count):
        """The next calls: all kinds in turn, each with all keys."""
        first, names = len(self.planned), list(KINDS)
        for number in range(first, first + count):
            key = keys[number // len(names) % len(keys)]
            call = self.planned[f"m-{number}"] = Planned(key, f"m-{number}", names[number % len(names)])
            yield call

    def make(self, gateway, call):
        """Make a call as soon as gl listens. It may end early because gl is killed."""
        try:
            self.outcomes[call.model] = outcome_of(gateway, call)
        except (OSError, Broken):
            self.outcomes[call.model] = "broken"

    def with_outcome(self, *outcomes):
        return [call for model, call in self.planned.items() if self.outcomes[model] in outcomes]


def outcome_of(gateway, call):
    kind = KINDS[call.kind]
    headers = {"Authorization": f"Bearer {call.key.text}", **HEADERS, **kind.headers}
    body = json.dumps({"model": kind.prefix + call.model, **kind.body}).encode()
    with until(lambda: connected(gateway)) as client:
        client.ask("POST", kind.path, headers, body)
        if kind.is_abandoned:
            client.head()
            while WORD not in client.chunk():
                pass  # without a word of the answer, its usage cannot be estimated
            client.leave()
            return "left"
        reply = client.reply()
        return reply.status if reply.complete else "broken"


@pytest.fixture
def server(tmp_path):
    server = NatsServer(tmp_path / "bus", jetstream=True, settings={"jetstream": {"max_file_store": 2 << 30}})
    server.settings["jetstream"]["store_dir"] = str(tmp_path / "store")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def dummy(tmp_path):
    dummy = Dummy(tmp_path / "dummy", {})
    dummy.process.wait_for_log("listening for requests")
    yield dummy
    dummy.process.close()


@pytest.fixture
def failing():
    """An upstream that answers with the status that its path begins with."""
    upstream = Upstream()
    upstream.behaviour = lambda talk: talk.reply(b'{"error":{"message":"no"}}', int(talk.request.target[1:4]))
    yield upstream
    upstream.stop()


@pytest.fixture
def start(tmp_path, server, dummy, failing):
    """Start gl in the same home, again and again."""
    url, running = f"http://127.0.0.1:{dummy.port}", []
    over = {"fallbacks": ["/plain/"], "fail_on": [429, 500]}
    routers = [
        router("/plain/", url),
        router("/over/500/", f"{failing.url}/500", **over),
        router("/over/429/", f"{failing.url}/429", **over),
        {"path": "/v1/", "outbound": {"models": ["*"]}},
    ]
    for one in routers:
        one["ingress"] = {"headers": {}, "keys": "required"}
    provider = {"name": "dummy", "dialect": "openai", "url": f"{url}/v1", "api_key": "any"}
    values = config_of(server.hostname, routers, providers=[provider], usage={"estimate": True})

    def begin():
        running.append(Gateway(tmp_path / "gl", server, values).ready())
        return running[-1]

    yield begin
    for gateway in running:
        gateway.close()


@pytest.mark.soak
def test_what_keys_are_charged_is_what_providers_have_sent(server, start, dummy, failing):
    gateway = start()
    until(lambda: gateway.call("GET", "/v1/usage", {"Authorization": f"Bearer {new_key().text}"}).status == 401)
    bucket = ClientKeys(server)
    keys = [bucket.create(limits=LIMITS) for _ in range(KEYS)]
    for key in keys:
        until(lambda key=key: used(gateway, key) == 0)
    calls = Calls()
    for number in range(3):
        with ThreadPoolExecutor(CALLERS) as pool:
            made = [pool.submit(calls.make, gateway, call) for call in calls.plan(keys, CALLS)]
            until(lambda made=made: sum(one.done() for one in made) >= CALLS // 2, seconds=600)
            if number == 0:
                server.kill()
                server.start()
            else:
                gateway.process.kill()
                gateway = start()
    assert set(calls.outcomes.values()) <= {200, 500, "left", "broken"}
    answered, failed = calls.with_outcome(200), calls.with_outcome(500)
    expected = {call.model for call in answered + failed}
    records = until(lambda: records_of(expected, server), "all records", seconds=60)
    sent = dummy.send("GET", "/dummy/totals").json()["models"]
    for call in answered:
        assert counts(records[call.model]["usage"]) == counts(sent[call.model]), call.kind
    charged, recorded = {key.id: until(lambda key=key: used(gateway, key)) for key in keys}, Counter()
    for record in records.values():
        recorded[record["client"]["key"]] += tokens_of(record)
    # A call in flight when gl is killed may have been charged, and then its record was not written.
    lost = Counter(
        call.key.id for call in calls.with_outcome("left", "broken") if call.model in sent and call.model not in records
    )
    for key_id, tokens in charged.items():
        assert recorded[key_id] <= tokens <= recorded[key_id] + lost[key_id] * MOST_TOKENS
    print(  # noqa: T201
        f"{len(calls.planned)} calls: {dict(Counter(calls.outcomes.values()))}, {len(records)} recorded\n"
        f"answered whole: {dict(Counter(call.kind for call in answered))}\n"
        f"tokens of those: {sum(sum(counts(sent[call.model])) for call in answered)} sent by the dummy,"
        f" {sum(tokens_of(records[call.model]) for call in answered)} in their records\n"
        f"tokens of all: {sum(recorded.values())} in records, {sum(charged.values())} charged;"
        f" {sum(recorded[key] != tokens for key, tokens in charged.items())} of {KEYS} keys differ;"
        f" {lost.total()} calls in flight lost their records"
    )
    assert {call.kind for call in answered} == {
        name for name, kind in KINDS.items() if name != "failing" and not kind.is_abandoned
    }
    assert len(failing.seen) >= sum(call.kind.startswith("failing over") for call in answered)


def counts(tokens):
    """The tokens of the prompt and of the answer, as records and the dummy's totals name them."""
    return tokens["prompt_tokens"], tokens.get("completion_tokens", 0)


def tokens_of(record):
    return record["usage"].get("total_tokens", 0)


def connected(gateway):
    """A connection to gl; None while it does not listen."""
    try:
        return gateway.client()
    except ConnectionRefusedError:
        return None


def used(gateway, key):
    """The tokens that a key was charged; None while that is not known."""
    reply = gateway.call("GET", "/v1/usage", {"Authorization": f"Bearer {key.text}"})
    return reply.json()["data"][0]["budget"]["used_tokens"] if reply.status == 200 else None


def records_of(expected, server):
    """The records by the model of their call, from the record log; None unless all expected models are there.

    A record may come twice.
    """
    found = asyncio.run(_records(server)).values()
    records = {record["request"]["ingress_payload"]["model"].removeprefix("dummy/"): record for record in found}
    assert len(records) == len(found), "a call has two records"
    return records if expected <= records.keys() else None


async def _records(server):
    client, found = Client(), {}
    await client.connect(f"nats://{server.hostname}", **server.login, allow_reconnect=False)
    stream = client.jetstream()
    subscription = await stream.subscribe("coburn.gl.logger", ordered_consumer=True)
    with contextlib.suppress(NatsTimeout):
        while True:
            message = await subscription.next_msg(timeout=1)
            record = json.loads(message.data)
            if record.get("client") and record["request"].get("ingress_payload"):
                found[record["transaction_id"]] = record
    await client.close()
    return found
