"""Quotas and budgets of client keys and their owners, with everything real."""

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Event

import pytest

from gecholog.keys import OwnerEntry
from gecholog.keys.bucket_key import of_owner
from gecholog.keys.credential import new_key
from gecholog.keys.reading import to_bytes
from gecholog.quota.limits import Budget, Limits, Quotas, nano_usd
from gecholog.quota.period import Period
from tests.services.gl.rig.bus import EVENTS, Listener
from tests.services.gl.rig.gateway import WORKERS, router
from tests.support.client_keys import ClientKeys
from tests.support.nats_server import NatsServer
from tests.support.waiting import DEADLINE, until

USAGE = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}
ANSWER = json.dumps({"object": "chat.completion", "model": "gpt-4", "usage": USAGE}).encode()
ASKED = json.dumps({"model": "gpt-4", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}).encode()
COST = Decimal("0.00174")  # 40 tokens at 30 USD a million, and 9 at 60
HUNDRED = Limits(budget=Budget(100, Period.TOTAL, is_tokens=True))
MODELS, PLAIN, UNPRICED = "/v1/chat/completions", "/plain/chat/completions", "/unpriced/chat/completions"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = NatsServer(
        tmp_path_factory.mktemp("keys"), jetstream=True, settings={"jetstream": {"max_file_store": 2 << 30}}
    )
    server.settings["jetstream"]["store_dir"] = str(server.folder / "store")
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def listener(server):
    listener = Listener(server)
    yield listener
    listener.stop()


@pytest.fixture(scope="module")
def gateway(run_gateway, server, shared_upstream):
    """A models router, a plain one that is priced as OpenAI's, and one without prices. All want a key."""
    url = f"{shared_upstream.url}/v1"
    routers = [
        {"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}},
        router("/plain/", url, price_provider="openai"),
        router("/unpriced/", url),
    ]
    for one in routers:
        one["ingress"]["keys"] = "required"
    provider = {"name": "openai", "dialect": "openai", "profile": "openai", "url": url, "api_key": "its-key"}
    return run_gateway(routers, server=server, errors="openai", providers=[provider | {"models": ["gpt-4"]}])


@pytest.fixture(scope="module")
def keys(server, gateway):
    until(lambda: gateway.call("POST", PLAIN, {"Authorization": f"Bearer {new_key().text}"}).status == 401)
    return ClientKeys(server)


@pytest.fixture(autouse=True)
def answers(upstream):
    upstream.behaviour = lambda talk: talk.reply(ANSWER)


@pytest.fixture
def create(gateway, keys):
    """Make a key that the gateway knows, before it is charged for anything: `create(limits=…)`."""

    def make(**fields):
        key = keys.create(disabled=True, **fields)
        until(lambda: ask(gateway, key).status == 401)
        keys.put(key, **fields)
        until(lambda: gateway.call("GET", "/v1/models", bearer(key)).status != 401)
        return key

    return make


def bearer(key):
    return {"Authorization": f"Bearer {key.text}", "Content-Type": "application/json"}


def ask(gateway, key, path=MODELS, body=ASKED):
    return gateway.call("POST", path, bearer(key), body)


def usage(gateway, key):
    """What the key is told of itself."""
    return gateway.call("GET", "/v1/usage", bearer(key)).json()["data"]


def unlimited(key):
    """What a key without limits is told of itself."""
    return {"object": "limits", "subject": "key", "name": key.id, "quotas": {}, "budget": None}


def statuses(gateway, key, *paths):
    return [ask(gateway, key, path).status for path in paths]


def test_a_plain_router_beside_a_models_router(gateway, create):
    """Both charge the same key."""
    key = create(limits=HUNDRED)
    assert statuses(gateway, key, MODELS, PLAIN, MODELS, PLAIN, UNPRICED) == [200, 200, 429, 429, 429]
    other = create(limits=HUNDRED)
    assert ask(gateway, other).status == 200


def test_money(gateway, create, listener):
    """A budget in USD is charged what the records say, to the last digit."""
    key = create(limits=Limits(budget=Budget(4_500_000, Period.MONTH)))
    replies = [ask(gateway, key, path) for path in (MODELS, PLAIN, MODELS)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    costs = [Decimal(listener.record(reply.transaction)["cost"]["usd"]) for reply in replies[:2]]
    assert costs == [COST, COST]
    (limits,) = usage(gateway, key)
    assert limits["subject"] == "key"
    assert limits["name"] == key.id
    assert Decimal(limits["budget"]["used_usd"]) == 2 * COST
    assert Decimal(limits["budget"]["remaining_usd"]) == Decimal("0.0045") - 2 * COST
    assert limits["budget"]["used_tokens"] == 98


def test_the_last_dollar(gateway, create, upstream):
    """Sixty-four calls at a time into a budget that suffices for thirty-two. None ends before all have begun.

    A call may use more than it has reserved. The budget is exceeded by the sum of that at most; with several workers
    also by the calls on the others.
    """
    budget, release = 32 * COST, Event()
    key = create(limits=Limits(budget=Budget(nano_usd(budget), Period.MONTH)))

    def talk(conversation):
        release.wait(DEADLINE)
        conversation.reply(ANSWER)

    upstream.reset()
    upstream.behaviour = talk
    with ThreadPoolExecutor(64) as pool:
        calls = [pool.submit(ask, gateway, key) for _ in range(64)]
        until(lambda: len(upstream.seen) + sum(call.done() for call in calls) == 64)
        release.set()
        passed = [call.result().status for call in calls].count(200)
    until(lambda: Decimal(usage(gateway, key)[0]["budget"]["used_usd"]) == passed * COST)
    reserved = Decimal((len(ASKED) // 3 + 1) * 30 + 10 * 60) / 1_000_000
    elsewhere = 64 * (WORKERS - 1) // WORKERS
    above, bound = passed * COST - budget, passed * (COST - reserved) + elsewhere * COST
    print(f"over the budget: {max(0, above)} of at most {bound} USD above {budget}")  # noqa: T201
    assert -COST - reserved <= above <= bound


def test_money_without_a_price(gateway, create, upstream):
    """A key with a budget in USD may not use what has no price, unless its entry says so."""
    limits = Limits(budget=Budget(10**9, Period.MONTH))
    key, open_key = create(limits=limits), create(limits=limits, allow_unpriced=True)
    unknown = ASKED.replace(b"gpt-4", b"openai/no-such-model")
    refused = [ask(gateway, key, UNPRICED), ask(gateway, key, MODELS, unknown)]
    assert [(reply.status, reply.json()["error"]["code"]) for reply in refused] == [(403, "price_unknown")] * 2
    assert upstream.seen == []
    upstream.behaviour = lambda talk: talk.reply(ANSWER.replace(b"gpt-4", b"no-such-model"))
    assert [ask(gateway, open_key, UNPRICED).status, ask(gateway, open_key, MODELS, unknown).status] == [200, 200]


@pytest.mark.parametrize(
    "named",
    [
        b'"model": "gpt-4", "model": "gpt-4o-mini"',
        b'"mod\\u0065l": "gpt-4", "model": "gpt-4o-mini"',
        b'"model": "gpt-4o-mini", "models": ["gpt-4"]',
        b'"messages": [{"role": "user", "content": "' + b"A" * 1_100_000 + b'"}], "model": "gpt-4"',
    ],
    ids=["twice", "escaped", "fallback", "large"],
)
def test_the_dearest_of_several_models(gateway, create, upstream, named):
    """A request on a plain router that may be for several models is reserved at the price of the dearest of them."""
    asked = ASKED.replace(b'"model": "gpt-4"', named).replace(b'"max_tokens": 10', b'"max_tokens": 2000')
    for usd, status in (("0.11", 429), ("40", 200)):  # the answer may cost 0.12, and a mini's one 0.0012
        key = create(limits=Limits(budget=Budget(nano_usd(Decimal(usd)), Period.MONTH)))
        assert ask(gateway, key, PLAIN, asked).status == status


def test_a_stream_of_openai(gateway, create, upstream):
    """Its usage is requested if the client's is limited: reasoning is not in the stream. The client does not see it."""
    content = piece_of("openai", "Hi") | {"object": "chat.completion.chunk", "model": "gpt-4"}
    counted = {"object": "chat.completion.chunk", "model": "gpt-4", "choices": [], "usage": USAGE}
    stream = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in (content, counted))
    upstream.behaviour = lambda talk: talk.reply(stream + b"data: [DONE]\n\n", kind="text/event-stream")
    streamed = ASKED.replace(b"{", b'{"stream": true, ', 1)
    limited, free = create(limits=HUNDRED), create()
    assert [ask(gateway, limited, PLAIN, streamed).status for _ in range(3)] == [200, 200, 429]
    reply = ask(gateway, free, PLAIN, streamed)
    assert [b"include_usage" in seen.body for seen in upstream.seen] == [True, True, False]
    assert b"usage" in reply.body  # as the upstream has sent it
    assert b"usage" not in ask(gateway, create(limits=HUNDRED), PLAIN, streamed).body


@pytest.mark.parametrize("path", [MODELS, PLAIN])
def test_a_dearer_service(gateway, create, upstream, listener, path):
    """Its prices are not known: without a budget in USD the record shows no cost, with one the request is refused."""
    limits = Limits(budget=Budget(10**9, Period.MONTH))
    key, open_key, free_key = create(limits=limits), create(limits=limits, allow_unpriced=True), create()
    dearer = ASKED.replace(b"{", b'{"service_tier": "priority", ', 1)
    refused = ask(gateway, key, path, dearer)
    assert (refused.status, refused.json()["error"]["code"]) == (403, "price_unknown")
    assert upstream.seen == []
    for one in (open_key, free_key):
        reply = ask(gateway, one, path, dearer)
        assert (reply.status, listener.record(reply.transaction).get("cost")) == (200, None)


def test_requests_and_concurrency(gateway, create, upstream):
    key = create(limits=Limits(Quotas(rpm=3)))  # one of them was the question whether it is known
    assert statuses(gateway, key, MODELS, PLAIN, MODELS) == [200, 200, 429]
    busy, release = create(limits=Limits(Quotas(concurrency=1))), Event()

    def talk(conversation):
        release.wait(DEADLINE)
        conversation.reply(ANSWER)

    upstream.reset()
    upstream.behaviour = talk
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, gateway, busy)
        until(lambda: len(upstream.seen) == 1)
        assert ask(gateway, busy, PLAIN).status == 429
        release.set()
        assert first.result().status == 200
    until(lambda: ask(gateway, busy).status == 200)


def test_asking_for_usage_is_no_request(gateway, create):
    """It is answered when a limit is reached, and does not count."""
    key = create(limits=Limits(Quotas(rpm=2)))  # one of them was the question whether it is known
    for used in (1, 2, 2):
        for _ in range(3):
            (limits,) = usage(gateway, key)
            assert limits["quotas"]["rpm"]["used"] == used
        ask(gateway, key)
    assert ask(gateway, key).status == 429


def test_an_owner_s_budget_is_that_of_all_its_keys(gateway, create, keys):
    entry = OwnerEntry("team@example.com", limits=HUNDRED)
    keys.write(of_owner(entry.name), to_bytes(entry))
    one, other = create(owner=entry.name), create(owner=entry.name)
    assert [ask(gateway, key).status for key in (one, other, one)] == [200, 200, 429]
    limits, own = usage(gateway, other)
    assert (limits["subject"], limits["name"]) == ("owner", entry.name)
    assert limits["budget"]["used_tokens"] == 98
    assert own == unlimited(other)


def test_a_key_without_limits(gateway, create):
    """It is told which key it is, and that it has no limits."""
    key = create()
    assert usage(gateway, key) == [unlimited(key)]


def test_a_client_cannot_choose_what_is_reserved_below_what_it_asks_for(gateway, create):
    """A request that may use more than what is left is refused before it is sent, however little it would use."""
    key = create(limits=HUNDRED)
    assert ask(gateway, key, MODELS, ASKED.replace(b'"max_tokens": 10', b'"max_tokens": 99')).status == 429
    assert ask(gateway, key, MODELS, ASKED.replace(b'"max_tokens": 10', b'"n": 9, "max_tokens": 10')).status == 429
    assert ask(gateway, key, MODELS, ASKED.replace(b'"max_tokens": 10, ', b"")).status == 429  # 1024 by default
    assert ask(gateway, key).status == 200


def test_events(gateway, create, listener):
    """At 80 and at 100 percent of a budget one event each."""
    key = create(limits=Limits(budget=Budget(120, Period.MONTH, is_tokens=True)))
    assert statuses(gateway, key, MODELS, MODELS, MODELS) == [200, 200, 429]
    (event,) = until(lambda: [one for one in map(json.loads, listener.on(EVENTS)) if one["subject"]["name"] == key.id])
    assert (event["event"], event["percent"], event["used"]) == ("budget_nearly_reached", 80, {"tokens": 98})
    assert event["subject"] == {"kind": "key", "name": key.id}
    assert event["budget"] == {"tokens": 120, "period": "month"}


# Streams that report a count of the output at their beginning, and would report the final one at their end.
FIRST_EVENTS = {
    "anthropic": {
        "type": "message_start",
        "message": {
            "type": "message",
            "model": "gpt-4",
            "content": [],
            "usage": {"input_tokens": 40, "output_tokens": 1},
        },
    },
    "openai": {"model": "gpt-4", "usage": USAGE | {"completion_tokens": 1, "total_tokens": 41}, "choices": []},
    "gemini": {"modelVersion": "gpt-4", "usageMetadata": {"promptTokenCount": 40, "totalTokenCount": 40}},
}
WORDS = 800


def piece_of(dialect, text):
    """An event of a stream with a piece of its text."""
    match dialect:
        case "anthropic":
            return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        case "openai":
            return {"choices": [{"index": 0, "delta": {"content": text}}]}
        case _:
            return {"candidates": [{"content": {"parts": [{"text": text}]}}]}


@pytest.mark.parametrize("dialect", FIRST_EVENTS)
def test_leaving_before_the_last_count(gateway, create, upstream, dialect, listener):
    """What was received is counted, although the stream says at its beginning that its output has one token."""
    key = create(limits=Limits(budget=Budget(10**9, Period.TOTAL)))
    left = Event()

    def talk(conversation):
        conversation.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        events = [
            FIRST_EVENTS[dialect],
            *([block] if dialect == "anthropic" else ()),
            piece_of(dialect, "word " * WORDS),
        ]
        for event in events:
            conversation.chunk(b"data: " + json.dumps(event).encode() + b"\n\n")
        left.wait(DEADLINE)

    upstream.behaviour = talk
    with gateway.client() as client:
        exchange = client.ask("POST", PLAIN, bearer(key), ASKED)
        head, received = exchange.head(), b""
        while received.count(b"word ") < WORDS:
            received += exchange.chunk()
    record = listener.record(head.transaction)
    left.set()
    (limits,) = usage(gateway, key)
    shown = record["usage"]
    assert (shown["source"], shown["total_tokens"]) == ("estimated", limits["budget"]["used_tokens"])
    assert record["cost"]["usd"] == limits["budget"]["used_usd"]
    assert limits["budget"]["used_tokens"] == 40 + WORDS * 5 // 4  # four bytes a token
    # 30 and 60 USD a million
    assert Decimal(limits["budget"]["used_usd"]) == Decimal("0.0012") + Decimal("0.06")
