"""Quotas and budgets of routers and the gateway, with a real gateway: what must not lead around them."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.services.gl.rig.gateway import router
from tests.support.waiting import DEADLINE, until

CHAT = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}
ANSWER = json.dumps({"object": "chat.completion", "model": "m", "usage": CHAT}).encode()
STREAM = (
    b"".join(
        b"data: " + json.dumps(event).encode() + b"\n\n"
        for event in (
            {"object": "chat.completion.chunk", "choices": [{"delta": {"content": "Hi there"}}]},
            {"object": "chat.completion.chunk", "choices": [], "usage": CHAT},
        )
    )
    + b"data: [DONE]\n\n"
)
JSON = "Content-Type: application/json"
SSE = "Content-Type: text/event-stream"
ASKED = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}
PROMPT = len(json.dumps(ASKED)) // 4  # tokens, at least

# Two calls of 49 tokens fit into a hundred. A third one does not: it would reserve more than the two that are left.
EVASIONS = {
    "plain": (ASKED, [JSON], ANSWER),
    "streamed": (ASKED | {"stream": True}, [SSE], STREAM),
    "large": (
        ASKED,
        [JSON],
        b'{"data":[' + b",".join([b"0.12345678"] * 800_000) + b'],"usage":' + json.dumps(CHAT).encode() + b"}",
    ),
    "gzip": (ASKED, [JSON, "Content-Encoding: gzip"], gzip.compress(ANSWER)),
    "gzipstream": (ASKED | {"stream": True}, [SSE, "Content-Encoding: gzip"], gzip.compress(STREAM)),
    "sseastext": (ASKED | {"stream": True}, ["Content-Type: text/plain"], STREAM),
    "sseasjson": (ASKED | {"stream": True}, [JSON], STREAM),
    "ssewithout": (ASKED | {"stream": True}, [], STREAM),
    "nan": (ASKED, [JSON], ANSWER[:-1] + b',"logprob":NaN}'),
    "bom": (ASKED, [JSON], b"\xef\xbb\xbf" + ANSWER),
    "anthropic": (ASKED, [JSON], b'{"type":"message","usage":{"input_tokens":40,"output_tokens":9}}'),
    "gemini": (
        {"generationConfig": {"maxOutputTokens": 10}, "contents": [{"parts": [{"text": "Hello"}]}]},
        [JSON],
        b'{"candidates":[],"usageMetadata":{"promptTokenCount":40,"candidatesTokenCount":9,"totalTokenCount":49}}',
    ),
    "responses": (
        {"model": "m", "max_output_tokens": 10, "input": "Hello"},
        [JSON],
        b'{"object":"response","usage":{"input_tokens":40,"output_tokens":9,"total_tokens":49}}',
    ),
}
HUNDRED = {"budget": {"tokens": 100, "period": "total"}}


def routers(url):
    """A router with a budget of a hundred tokens for each evasion, and some with other limits."""
    own = {
        "/rpm/": {"quotas": {"rpm": 2}},
        "/headers/": {"quotas": {"rpm": 3, "tpm": 100_000}},
        "/tpm/": {"quotas": {"tpm": 100}},
        "/concurrency/": {"quotas": {"concurrency": 2}},
        "/left/": HUNDRED,
        "/unspoken/": HUNDRED,
        "/failing/": HUNDRED,
        "/retrieved/": HUNDRED,
        "/painted/": {"budget": {"tokens": 1000, "period": "total"}},
        "/reloaded/": HUNDRED,
        "/parallel/": {"budget": {"tokens": 1000, "period": "month"}},
        "/usd/": {"budget": {"usd": "1", "period": "month"}},
        "/free/": {},
        "/unused/": HUNDRED,
    }
    return [
        *(router(f"/{name}/", url) | HUNDRED for name in EVASIONS),
        *(router(path, url) | limits for path, limits in own.items()),
        router("/fixed/", url, endpoint="/v1/chat/completions") | HUNDRED,
    ]


@pytest.fixture(scope="module")
def limited(run_gateway, shared_upstream):
    return run_gateway(routers(shared_upstream.url), errors="openai")


def ask(limited, path, asked=ASKED):
    return limited.call(
        "POST", f"{path}v1/chat/completions", {"Content-Type": "application/json"}, json.dumps(asked).encode()
    )


def answers(upstream, body, *lines, status=200):
    def talk(conversation):
        conversation.head(*lines, f"Content-Length: {len(body)}", status=status)
        conversation.send(body)

    upstream.behaviour = talk


def code_of(reply):
    return json.loads(reply.body)["error"]["code"]


@pytest.mark.parametrize("name", EVASIONS)
def test_a_budget_holds(limited, upstream, name):
    asked, lines, body = EVASIONS[name]
    answers(upstream, body, *lines)
    replies = [ask(limited, f"/{name}/", asked) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert code_of(replies[2]) == "budget_exceeded"
    assert replies[2].value("X-Should-Retry") == "false"
    assert len(upstream.seen) == 2


def test_requests_per_minute(limited, upstream):
    """The third request in a minute is refused before its body is read, and says when to come back."""
    replies = [ask(limited, "/rpm/") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert code_of(replies[2]) == "rate_limit_exceeded"
    assert 1 <= int(replies[2].value("Retry-After")) <= 63
    assert len(upstream.seen) == 2


def test_headers(limited, upstream):
    """Every answer tells what is left, errors too. What the provider says about its own limits has another name."""
    answers(upstream, ANSWER, JSON, "X-RateLimit-Limit-Requests: 5000")
    first, second, third, refused = (ask(limited, "/headers/", ASKED | {"max_tokens": 10}) for _ in range(4))
    assert [reply.status for reply in (first, second, third, refused)] == [200, 200, 200, 429]
    assert [reply.value("X-Ratelimit-Limit-Requests") for reply in (first, refused)] == ["3", "3"]
    assert [reply.value("X-Ratelimit-Remaining-Requests") for reply in (first, second, refused)] == ["2", "1", "0"]
    assert 50 <= int(refused.value("X-Ratelimit-Reset-Requests").removesuffix("s")) <= 60
    # the second one: 49 tokens are used, and it holds its own reservation while its answer begins
    reserved = len(json.dumps(ASKED)) // 3 + 1 + 10
    assert second.value("X-Ratelimit-Remaining-Tokens") == str(100_000 - 49 - reserved)
    assert refused.value("X-Ratelimit-Remaining-Tokens") == str(100_000 - 3 * 49)
    assert first.value("X-Gecholog-Upstream-Ratelimit-Limit-Requests") == "5000"
    assert ask(limited, "/free/").value("X-Ratelimit-Limit-Requests") == "5000"


def test_tokens_per_minute(limited, upstream):
    answers(upstream, ANSWER, JSON)
    replies = [ask(limited, "/tpm/") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert code_of(replies[2]) == "rate_limit_exceeded"
    too_large = ask(limited, "/tpm/", ASKED | {"max_tokens": 1000})
    assert too_large.status == 429
    assert too_large.value("X-Should-Retry") == "false"


def test_concurrency(limited, upstream):
    """Of three calls at a time one is refused. When the others have ended, the next one passes."""
    release = Event()

    def talk(conversation):
        release.wait(DEADLINE)
        conversation.reply()

    upstream.behaviour = talk
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(ask, limited, "/concurrency/") for _ in range(2)]
        until(lambda: len(upstream.seen) == 2)
        refused = ask(limited, "/concurrency/")
        release.set()
        assert [call.result().status for call in calls] == [200, 200]
    assert (refused.status, code_of(refused), refused.value("Retry-After")) == (429, "rate_limit_exceeded", "1")
    until(lambda: ask(limited, "/concurrency/").status == 200)


def test_leaving_early(limited, upstream, bus):
    """A client that leaves a stream after its first words has used the prompt at least: some twenty tokens."""
    left = Event()

    def talk(conversation):
        conversation.head(SSE, "Transfer-Encoding: chunked")
        conversation.chunk(STREAM.partition(b"\n\n")[0] + b"\n\n")
        left.wait(DEADLINE)

    upstream.behaviour = talk
    body = json.dumps(ASKED | {"stream": True}).encode()
    statuses = []
    for _ in range(5):
        with limited.client() as client:
            exchange = client.ask("POST", "/left/v1/chat/completions", {"Content-Type": "application/json"}, body)
            head = exchange.head()
            statuses.append(head.status)
            if head.status == 429:
                break
        usage = bus.record(head.transaction)["usage"]
        assert usage["source"] == "estimated"
        assert usage["total_tokens"] >= PROMPT
    left.set()
    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_leaving_before_the_first_word(limited, upstream, bus):
    """The prompt is charged, and the record shows what is charged."""
    asked, left = Event(), Event()

    def think(_):
        asked.set()
        left.wait(DEADLINE)

    upstream.behaviour = think
    with limited.client() as client:
        path = "/unspoken/v1/chat/completions"
        client.ask("POST", path, {"Content-Type": "application/json"}, json.dumps(ASKED).encode())
        assert asked.wait(DEADLINE)
    usage = bus.where(lambda record: record["request"]["gl_path"] == "/unspoken/")["usage"]
    left.set()
    assert usage["source"] == "estimated", usage
    assert usage["completion_tokens"] <= ASKED["max_tokens"]
    assert usage["total_tokens"] - usage["completion_tokens"] == usage["prompt_tokens"] >= PROMPT


def test_a_failed_call_costs_nothing(limited, upstream):
    """A provider that answers 500, or refuses the request, has not been paid."""
    answers(upstream, b'{"error":{"message":"no"}}', JSON, status=500)
    assert [ask(limited, "/failing/").status for _ in range(5)] == [500] * 5
    answers(upstream, ANSWER, JSON)
    assert [ask(limited, "/failing/").status for _ in range(3)] == [200, 200, 429]


def test_a_path_that_looks_free(limited, upstream):
    """A router with a fixed endpoint generates whatever the client's path is: that is reserved for."""
    answers(upstream, ANSWER, JSON)
    replies = [limited.call("POST", "/fixed/count_tokens", {}, json.dumps(ASKED).encode()) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]


def test_requests_that_use_no_tokens(limited, upstream):
    """They are not charged, and pass as long as a budget is not exceeded."""
    answers(upstream, b'{"input_tokens":1000}', JSON)
    path = "/unused/v1/messages/count_tokens"
    assert [limited.call("POST", path, {}, json.dumps(ASKED).encode()).status for _ in range(5)] == [200] * 5
    answers(upstream, ANSWER, JSON)
    assert [ask(limited, "/unused/").status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","background":true,"max_output_tokens":60}',
        b'{"model":"m","b\\u0061ckground":true}',
        '{"background":true}'.encode("utf-16"),
        b'{"background":true,"background":false}',
        b'{"background":"True"}',
        b'{"deferred":true}',
    ],
)
def test_a_response_that_is_fetched_later(limited, upstream, body):
    """It is refused under a budget: its answer has no usage, and another request fetches what was used."""
    for path in ("/retrieved/v1/responses", "/fixed/"):
        refused = limited.call("POST", path, {"Content-Type": "application/json"}, body)
        assert (refused.status, code_of(refused)) == (403, "usage_unknown")
    assert upstream.seen == []
    assert limited.call("POST", "/free/v1/responses", {"Content-Type": "application/json"}, body).status == 200


def test_a_background_that_is_none(limited, upstream):
    """Pictures have one, and arguments of tools may."""
    answers(upstream, ANSWER, JSON)
    tool = {"type": "tool_use", "id": "t", "name": "paint", "input": {"background": True, "deferred": 1}}
    for more in ({"background": "transparent"}, {"background": False}, {"messages": [{"content": [tool]}]}):
        assert ask(limited, "/painted/", ASKED | more).status == 200


def test_reading_a_response(limited, upstream, bus):
    """It is free, however often: its usage was that of another request."""
    done = b'{"object":"response","id":"resp_1","usage":{"input_tokens":40,"output_tokens":9,"total_tokens":49}}'
    answers(upstream, done, JSON)
    read = [limited.call("GET", "/retrieved/v1/responses/resp_1") for _ in range(5)]
    assert {reply.status for reply in read} == {200}
    assert {bus.record(reply.transaction)["usage"]["source"] for reply in read} == {"none"}


def test_batches_have_no_known_usage(limited, upstream):
    """So they lead around a budget, and are refused where there is one."""
    for path in (
        "v1/messages/batches",
        "v1/batch%65s",
        "v1/Batches",
        "v1/batches%2F",
        "v1//batches/",
        "v1/batches;x=1",
    ):
        refused = limited.call("POST", f"/failing/{path}", {}, b"{}")
        assert (refused.status, code_of(refused)) == (403, "usage_unknown")
    assert upstream.seen == []
    assert limited.call("POST", "/free/v1/batches", {}, b"{}").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "v1/realtime/client_secrets",
        "v1/realtime/sessions",
        "v1/chatkit/sessions",
        "v1alpha/auth_tokens",
        "v1/batch/jobs",
        "v1/videos",
        "v1/videos/edits",
        "openai/v1/video/generations/jobs",
        "v1/threads/t/runs/r/submit_tool_outputs",
        "v1/fine_tuning/alpha/graders/run",
        "v1/projects/p/locations/l/tuningJobs",
        "v1beta/tunedModels",
        "v1/projects/p/locations/l/batchPredictionJobs",
        "model-invocation-job",
        "v1/accounts/a/batchInferenceJobs",
        "v1/accounts/a/supervisedFineTuningJobs",
        "async/chat/completions",
        "accounts/a/ai/run/@cf/m?queueRequest=true",
        "accounts/a/ai/run/@cf/m?x=1&queueReques%74=True",
    ],
)
def test_what_costs_something_out_of_sight(limited, upstream, path):
    """The secret of a session is as good as the key of the provider; jobs of other APIs are batches too."""
    refused = limited.call("POST", f"/failing/{path}", {}, b"{}")
    assert (refused.status, code_of(refused)) == (403, "usage_unknown")
    assert limited.call("GET", f"/unused/{path}").status != 403
    assert limited.call("POST", f"/free/{path}", {}, b"{}").status == 200


def test_money_without_a_price(limited, upstream):
    """A budget in USD refuses what has no known price."""
    reply = ask(limited, "/usd/")
    assert (reply.status, code_of(reply)) == (403, "price_unknown")
    assert upstream.seen == []


def test_parallel_calls_at_the_edge(limited, upstream):
    """Sixty-four at a time into a budget of a thousand tokens: reservations keep it, to the token."""
    answers(upstream, ANSWER, JSON)
    with ThreadPoolExecutor(64) as pool:
        statuses = [call.result().status for call in [pool.submit(ask, limited, "/parallel/") for _ in range(64)]]
    passed = statuses.count(200)
    assert statuses.count(429) == 64 - passed
    # A call reserves 34 tokens and uses 49: what is in flight may use 15 more than it has reserved.
    assert 1000 - 49 - 34 <= passed * 49 <= 1000 + 29 * 15


def test_a_reload_keeps_what_was_counted(limited, upstream):
    """Neither a new config opens a budget, nor one with a mistake elsewhere, nor one in the budget itself."""
    answers(upstream, ANSWER, JSON)
    assert [ask(limited, "/reloaded/").status for _ in range(3)] == [200, 200, 429]
    values = limited.values
    limited.reload(values | {"usage": {"linger_ms": 900}})
    assert ask(limited, "/reloaded/").status == 429
    wrong = [
        one | ({"budget": {"tokens": 0, "period": "total"}} if one["path"] == "/reloaded/" else {})
        for one in values["routers"]
    ]
    limited.reload(values | {"routers": wrong}, taken=False)
    assert ask(limited, "/reloaded/").status == 429
    elsewhere = [one | ({"errors": "none"} if one["path"] == "/free/" else {}) for one in values["routers"]]
    limited.reload(values | {"routers": elsewhere}, taken=False)
    assert ask(limited, "/reloaded/").status == 429


def test_a_wrong_limit_closes_its_router(run_gateway, shared_upstream):
    """At the first start a router whose limit cannot be read is left out: its calls are refused, not unlimited."""
    wrong = [{"quotas": {"rpn": 5}}, {"quotas": {"rpm": 0}}, {"budget": {"usd": "1", "tokens": 1, "period": "day"}}]
    listed = [router(f"/wrong{number}/", shared_upstream.url) | one for number, one in enumerate(wrong)]
    gateway = run_gateway([router("/right/", shared_upstream.url), *listed], errors="openai")
    assert [gateway.call("GET", one["path"]).status for one in listed] == [503] * 3
    assert gateway.call("GET", "/right/").status == 200
