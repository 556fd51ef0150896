"""Routers of models, with everything real: names, providers, what they get, failover, and who may use them."""

import gzip
import json
import threading

import pytest

from tests.services.gl.rig.gateway import processor
from tests.services.gl.rig.upstream import Upstream
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE

CHAT = "/v1/chat/completions"
JSON = {"Content-Type": "application/json"}
DOWN = json.dumps({"error": {"message": "down", "type": "server_error", "param": None, "code": None}}).encode()


@pytest.fixture(scope="module")
def spare():
    """A second provider."""
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture
def second(spare):
    spare.reset()
    yield spare
    spare.reset()


def models_router(path="/v1/", models=("*",), **outbound):
    return {"path": path, "ingress": {"headers": {}}, "outbound": {"models": list(models), **outbound}}


def provider(name, url, **more):
    return {"name": name, "dialect": "openai", "url": url, "api_key": f"key-of-{name}", **more}


@pytest.fixture(scope="module")
def serving(run_gateway, shared_upstream, spare):
    first = f"{shared_upstream.url}/v1"
    fragile = {"failures": 2, "open_ms": 600_000}
    return run_gateway(
        [
            models_router(default_provider="one"),
            models_router("/few/", ["pair", "few-*"]),
            models_router("/files/", ["one/small-*"], default_provider="one"),
            models_router("/again/", retries=2),
            models_router("/strict/", fail_on=["4xx", "5xx"]),
            {
                **models_router("/keyed/", default_provider="one"),
                "ingress": {"headers": {"X-Team": ["blue"], "Content-Type": ["application/json"]}},
            },
        ],
        providers=[
            provider("one", first, models=["listed", "glob-*"]),
            provider("two", f"{spare.url}/base", headers={"X-Extra": ["yes"]}),
            provider("azure", spare.url, dialect="azure", api_version="2024-10-21"),
            provider("claude", spare.url, dialect="anthropic"),
            provider("prompted", first, default_system_prompt="Be kind."),
            provider("closed", f"http://127.0.0.1:{free_port()}/v1"),
            provider("fragile", first, breaker=fragile),
            {"name": "gone", "dialect": "openai", "url": "http://gone/v1", "api_key": "${NOT_SET_BY_ANYBODY}"},
        ],
        models=[
            {"name": "pair", "targets": ["one/a", "two/b"], "logic_level": 3},
            {"name": "gone-first", "targets": ["gone/x", "closed/y", "two/b"]},
            {"name": "guarded", "targets": ["fragile/f", "two/spare"]},
            {
                "name": "words",
                "strategy": "heuristic",
                "targets": ["one/easy", "two/hard"],
                "rules": [{"keywords": ["debug"], "target": "two/hard"}],
            },
            {
                "name": "rated",
                "strategy": "classifier",
                "targets": ["one/low", "one/mid", "one/high"],
                "classifier": {"model": "two/judge", "timeout_ms": 5000},
            },
            {
                "name": "rated-finely",
                "strategy": "classifier",
                "targets": ["one/low", "one/mid", "one/high"],
                "classifier": {"model": "two/judge", "scale": 100, "timeout_ms": 5000},
            },
        ],
        masked_query_parameters=["mine", "key"],
        masked_headers=["Authorization", "Api-Key", "X-Api-Key", "X-Masked"],
        request={
            "processors": [
                [
                    processor(
                        "swap", modifier=True, routers=["/few/"], output_fields_write=["outbound_payload", "control"]
                    )
                ]
            ]
        },
    )


def ask(gateway, model, path=CHAT, headers=None, **more):
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}
    return gateway.call("POST", path, JSON | (headers or {}), json.dumps(body).encode())


def told(reply):
    """The reply as JSON."""
    return json.loads(reply.body)


def test_a_model_of_a_provider(serving, upstream, bus):
    """The provider gets its own name of the model, and its key in place of the client's; all other bytes stay."""
    body = b'{ "messages":[{"role":"user","content":"h\\u00e4"}],"model" : "one/some/model","x":1e2}'
    keys = {"Authorization": "Bearer key-of-the-client", "X-Api-Key": "key-of-the-client"}
    reply = serving.call("POST", f"{CHAT}?key=key-of-the-client", JSON | keys, body)
    seen = upstream.asked()
    assert (reply.status, reply.body) == (200, b'{"ok":true}')
    assert (seen.method, seen.target.partition("?")[0]) == ("POST", "/v1/chat/completions")
    assert seen.body == body.replace(b"one/some/model", b"some/model")
    assert seen.values("authorization") == [b"Bearer key-of-one"]
    assert b"key-of-the-client" not in seen.head
    for name, value in (("provider", "one"), ("model", "some/model"), ("attempts", "1")):
        assert reply.value(f"x-gecholog-{name}") == value
    record = bus.record(reply.transaction)
    assert record["request"]["model"] == "one/some/model"
    assert record["request"]["ingress_payload"]["model"] == "one/some/model"
    assert record["request"]["outbound_payload"]["model"] == "some/model"
    (attempt,) = record["request"]["attempts"]
    assert (attempt["provider"], attempt["model"], attempt["status_code"]) == ("one", "some/model", 200)
    assert "key-of" not in json.dumps(record)


CREDENTIALS = {
    "Authorization": "Bearer secret",
    "X-Api-Key": "secret",
    "Api-Key": "secret",
    "X-Goog-Api-Key": "secret",
    "Cookie": "session=secret",
    "X-Masked": "secret",
    "X-Team": "blue",
    "Session-Id": "TST00001_1_1",
    "OpenAI-Organization": "secret",
}


@pytest.mark.parametrize("path", ["/keyed/chat/completions", "/keyed/files"])
def test_nothing_that_a_client_shows_to_the_gateway_goes_on(serving, upstream, bus, path):
    """No credentials in headers or in the query, no header that the router requires, none of the gateway's own."""
    query = "key=secret&API-Key=secret&api%5fkey=secret&access_token=secret&mine=secret&after=1"
    reply = ask(serving, "one/x", f"{path}?{query}", CREDENTIALS | {"X-Other": "stays"})
    assert reply.status == 200
    seen = upstream.asked()
    assert (seen.target.partition("?")[2], seen.values("x-other")) == ("after=1", [b"stays"])
    assert b"secret" not in seen.head.replace(b"key-of-one", b"")
    assert [seen.values(name) for name in ("x-team", "session-id", "cookie")] == [[], [], []]
    assert seen.values("authorization") == [b"Bearer key-of-one"]
    assert "X-Team" in bus.record(reply.transaction)["request"]["outbound_headers_removed"]


def test_a_group_goes_on(serving, upstream, second, bus):
    """To the next target when one fails; the record lists both."""
    upstream.behaviour = lambda talk: talk.reply(DOWN, 503)
    reply = ask(serving, "pair")
    assert (reply.status, reply.value("x-gecholog-provider"), reply.value("x-gecholog-attempts")) == (200, "two", "2")
    assert json.loads(second.asked().body)["model"] == "b"
    assert second.asked().target == "/base/chat/completions"
    assert second.asked().values("x-extra") == [b"yes"]
    attempts = bus.record(reply.transaction)["request"]["attempts"]
    outcomes = [(one["provider"], one["model"], one["status_code"]) for one in attempts]
    assert outcomes == [("one", "a", 503), ("two", "b", 200)]


def test_what_is_left_out_or_refuses_is_passed_over(serving, second):
    """A target without its variables is no candidate, and one that refuses connections has failed."""
    reply = ask(serving, "gone-first")
    assert (reply.status, reply.value("x-gecholog-attempts")) == (200, "2")
    assert json.loads(second.asked().body)["model"] == "b"


def test_an_answer_of_a_provider_is_the_client_s(serving, upstream):
    """Its status, its body and its headers, where it does not mean that it has failed."""
    upstream.behaviour = lambda talk: talk.reply(DOWN, 400, "X-Ratelimit-Remaining-Requests: 3")
    reply = ask(serving, "pair")
    assert (reply.status, reply.body) == (400, DOWN)
    assert reply.value("X-Ratelimit-Remaining-Requests") == "3"
    assert len(upstream.seen) == 1


def test_fail_on(serving, upstream, second):
    """A router says which statuses lead to the next target."""
    upstream.behaviour = lambda talk: talk.reply(DOWN, 404)
    assert ask(serving, "pair", "/strict/chat/completions").status == 200
    assert second.asked()


def test_retries(serving, upstream):
    """The same target again, as often as the router says, after what it asked for."""
    left = [503, 429]

    def behaviour(talk):
        if left:
            talk.reply(DOWN, left.pop(), "Retry-After: 0")
        else:
            talk.reply()

    upstream.behaviour = behaviour
    reply = ask(serving, "one/x", "/again/chat/completions")
    assert (reply.status, reply.value("x-gecholog-attempts")) == (200, "3")


def test_a_long_retry_after_ends_the_retries(serving, upstream):
    """A target that wants to be left alone for longer than the router waits is not tried again."""
    upstream.behaviour = lambda talk: talk.reply(DOWN, 429, "Retry-After: 3600")
    reply = ask(serving, "one/x", "/again/chat/completions")
    assert (reply.status, reply.value("Retry-After"), len(upstream.seen)) == (429, "3600", 1)


def test_breaker(serving, upstream, second):
    """After failures in a row a model is left alone; others of the same provider are not."""
    upstream.behaviour = lambda talk: talk.reply(DOWN, 500)
    for _ in range(2):
        assert ask(serving, "guarded").value("x-gecholog-attempts") == "2"
    before = len(upstream.seen)
    assert ask(serving, "guarded").value("x-gecholog-attempts") == "1"
    assert len(upstream.seen) == before
    assert ask(serving, "fragile/other").status == 500
    assert len(upstream.seen) == before + 1


def test_heuristic(serving, upstream, second):
    """The user's last message decides."""
    messages = [{"role": "user", "content": "debug"}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    assert ask(serving, "words", messages=messages).value("x-gecholog-model") == "easy"
    assert ask(serving, "words", messages=messages[::-1]).value("x-gecholog-model") == "hard"


def test_classifier(serving, upstream, second, bus):
    """A model is asked for a rating, once for each text; without one the middle target is taken."""
    second.behaviour = lambda talk: talk.reply(
        json.dumps(
            {
                "choices": [{"message": {"role": "assistant", "content": "9"}}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8},
            }
        ).encode()
    )
    hard = [{"role": "user", "content": "Prove it."}]
    reply = ask(serving, "rated", messages=hard)
    assert reply.value("x-gecholog-model") == "high"
    question = json.loads(second.asked().body)
    assert (question["model"], question["temperature"], question["max_tokens"]) == ("judge", 0, 8)
    assert question["messages"][-1]["content"] == "Prove it."
    noted = bus.record(reply.transaction)["request"]["classifier"]
    assert (noted["model"], noted["rating"], noted["usage"]["total_tokens"]) == ("two/judge", 9, 8)
    assert ask(serving, "rated", messages=hard).value("x-gecholog-model") == "high"
    assert len(second.seen) == 1
    assert ask(serving, "rated-finely", messages=hard).value("x-gecholog-model") == "low"
    assert "to 100" in second.asked(2).body.decode()
    second.behaviour = lambda talk: talk.reply(DOWN, 500)
    reply = ask(serving, "rated", messages=[{"role": "user", "content": "Something else."}])
    assert reply.value("x-gecholog-model") == "mid"
    assert bus.record(reply.transaction)["request"]["classifier"]["error"] == "status 500"


def test_client_leaves_while_it_is_rated(serving, second, bus):
    """The record shows which model was asked, and that nothing came of it."""
    reached, left = threading.Event(), threading.Event()

    def behaviour(talk):
        reached.set()
        if talk.left():
            left.set()
        talk.close()

    second.behaviour = behaviour
    body = {"model": "rated", "messages": [{"role": "user", "content": "Who leaves?"}]}
    with serving.client() as client:
        client.ask("POST", CHAT, JSON, json.dumps(body).encode())
        assert reached.wait(DEADLINE)
    assert left.wait(DEADLINE), "the classifier is still being asked"
    record = bus.where(lambda record: record["request"].get("classifier", {}).get("error") == "broken off")
    assert record["request"]["classifier"].items() >= {"model": "two/judge", "rating": None}.items()
    assert record["request"]["model"] == "rated"
    assert "attempts" not in record["request"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "words"),
    [
        (CHAT, b'{"model": "pare"}', 404, "model_not_found", "close to it: pair"),
        (CHAT, b'{"model": "gone/x"}', 404, "model_not_found", "gone/x"),
        (CHAT, b'{"messages": []}', 400, "missing_required_parameter", "model"),
        (CHAT, b'{"model": "one/a", "model": "one/b"}', 400, "missing_required_parameter", "more than one"),
        (CHAT, b'{"model": "one/a", "Model": "one/b"}', 400, "missing_required_parameter", "more than one"),
        (CHAT, b'{"mod\\u0065l": "one/a", "model": "one/b"}', 400, "missing_required_parameter", "more than one"),
        (CHAT, b"[]", 400, None, "JSON object"),
        (CHAT, b"{", 400, None, "JSON object"),
        ("/v1/moderations", b'{"model": "claude/x"}', 400, "unsupported_endpoint", "claude"),
        ("/v1/no/such/thing", b"{}", 404, "unknown_endpoint", "no/such/thing"),
        ("/few/chat/completions", b'{"model": "one/x"}', 404, "model_not_found", "one/x"),
    ],
)
def test_refusals(serving, upstream, path, body, status, code, words):
    """In the client's dialect, with what would help; no provider is asked."""
    reply = serving.call("POST", path, JSON, body)
    error = told(reply)["error"]
    assert (reply.status, error["code"]) == (status, code)
    assert words in error["message"]
    assert upstream.seen == []


def test_refusals_of_messages(serving):
    """Anthropic's API has another shape."""
    reply = ask(serving, "nobody", "/v1/messages")
    assert (reply.status, told(reply)["type"], told(reply)["error"]["type"]) == (404, "error", "not_found_error")


def test_messages(serving, second):
    """Anthropic's API goes to Anthropic, with its key and a version if the client named none."""
    assert ask(serving, "claude/sonnet", "/v1/messages").status == 200
    seen = second.asked()
    assert (seen.target, json.loads(seen.body)["model"]) == ("/v1/messages", "sonnet")
    assert (seen.values("x-api-key"), seen.values("anthropic-version")) == ([b"key-of-claude"], [b"2023-06-01"])
    ask(serving, "claude/sonnet", "/v1/messages", {"Anthropic-Version": "2030-01-01"})
    assert second.asked(2).values("anthropic-version") == [b"2030-01-01"]


def test_azure(serving, second):
    """The deployment is in the path, the version in the query."""
    assert ask(serving, "azure/my gpt", f"{CHAT}?api-version=x&a=1").status == 200
    seen = second.asked()
    assert seen.target == "/openai/deployments/my%20gpt/chat/completions?a=1&api-version=2024-10-21"
    assert (seen.values("api-key"), seen.values("authorization")) == ([b"key-of-azure"], [])


def test_default_system_prompt(serving, upstream):
    """A provider's, for requests that have none."""
    ask(serving, "prompted/x")
    system = {"role": "system", "content": "Be kind."}
    assert json.loads(upstream.asked().body)["messages"][0] == system
    ask(serving, "prompted/x", messages=[{"role": "developer", "content": "Mine."}])
    assert json.loads(upstream.asked(2).body)["messages"] == [{"role": "developer", "content": "Mine."}]


def test_usage_of_a_stream(serving, upstream, bus):
    """It is asked for, and its chunk is kept from a client that did not ask."""

    def behaviour(talk):
        asked = json.loads(talk.request.body)
        assert asked["stream_options"] == {"include_usage": True}
        base = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "x"}
        said = base | {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
        usage = base | {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}
        events = [f"data: {json.dumps(event)}\n\n".encode() for event in (said, usage)]
        talk.reply(b"".join(events) + b"data: [DONE]\n\n", kind="text/event-stream")

    upstream.behaviour = behaviour
    reply = ask(serving, "one/x", stream=True)
    assert (b"Hi" in reply.body, b"usage" in reply.body) == (True, False)
    assert bus.record(reply.transaction)["usage"]["total_tokens"] == 4


def test_a_stream_that_breaks_off(serving, upstream, bus):
    """It ends with an error event, which SDKs raise with its reason."""

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        talk.chunk(b'data: {"choices": []}\n\n')
        talk.close()

    upstream.behaviour = behaviour
    reply = ask(serving, "one/x", stream=True)
    last = reply.body.rstrip().rpartition(b"data: ")[2]
    assert "broke off" in json.loads(last)["error"]["message"]
    assert bus.record(reply.transaction)["response"]["inbound_stream"]["completed"] is False


def test_list(serving):
    """Models and what providers are known to serve; a router lists what it exposes."""
    listed = {entry["id"]: entry for entry in told(serving.call("GET", "/v1/models"))["data"]}
    assert {"pair", "words", "rated", "listed"} <= set(listed)
    assert (listed["pair"]["owned_by"], listed["pair"]["logic_level"]) == ("gecholog", 3)
    assert listed["listed"]["owned_by"] == "one"
    assert [entry["id"] for entry in told(serving.call("GET", "/few/models"))["data"]] == ["pair"]
    assert told(serving.call("GET", "/v1/models/one%2Fany"))["id"] == "one/any"
    assert serving.call("GET", "/v1/models/nobody").status == 404


def test_uploads(serving, upstream):
    """The model of a form is a field of it."""
    form = b'--k\r\nContent-Disposition: form-data; name="model"\r\n\r\n%s\r\n--k--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=k"}
    assert serving.call("POST", "/v1/audio/transcriptions", headers, form % b"one/whisper").status == 200
    assert upstream.asked().body == form % b"whisper"


def test_compressed_requests(serving, upstream):
    """A body that the client compressed is sent as it is meant."""
    body = b'{"model": "one/x", "messages": []}'
    reply = serving.call("POST", CHAT, JSON | {"Content-Encoding": "gzip"}, gzip.compress(body))
    assert reply.status == 200
    assert upstream.asked().body == body.replace(b"one/x", b"x")
    assert upstream.asked().values("content-encoding") == []


@pytest.mark.parametrize(("size", "status"), [(101 << 20, 413), (0, 400)])
def test_compressed_requests_are_limited(serving, upstream, size, status):
    """By what they unpack to; what cannot be unpacked is not sent."""
    body = gzip.compress(bytes(size)) if size else b"{}"
    reply = serving.call("POST", CHAT, JSON | {"Content-Encoding": "gzip"}, body)
    assert (reply.status, upstream.seen) == (status, [])
    assert "unpacked" in told(reply)["error"]["message"] or "encoding" in told(reply)["error"]["message"]


def test_requests_without_a_model(serving, upstream):
    """They go to the default provider, or nowhere."""
    assert serving.call("GET", "/v1/files/f-1/content?after=2").status == 200
    assert upstream.asked().target == "/v1/files/f-1/content?after=2"
    assert upstream.asked().values("authorization") == [b"Bearer key-of-one"]
    reply = serving.call("POST", "/few/batches", JSON, b"{}")
    assert (reply.status, told(reply)["error"]["code"]) == (400, "unsupported_endpoint")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/files/%20", 404),
        ("GET", "/v1/files/f;x", 404),
        ("GET", "/v1/files/%00", 404),
        ("GET", "/v1//files", 404),
        ("GET", "/v1/files//x", 404),
        ("GET", "/v1/files/..%2fx", 400),
        ("GET", "/v1/files/%2e%2e/x", 400),
        ("GET", "/v1/files/a/b/c/d/e/f", 404),
        ("PUT", "/v1/files/f", 404),
    ],
)
def test_paths_that_servers_read_differently(serving, upstream, method, path, status):
    """They are no endpoint of any API, and do not reach the default provider."""
    assert serving.call(method, path).status == status
    assert upstream.seen == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"model": "small-1"}', 200),
        (b'{"model": "one/small-1"}', 200),
        (b"{}", 200),
        (b'{"model": "large"}', 404),
        (b'{"model": "small-1", "model": "large"}', 404),
        (b'{"model": "large", "model": "small-1"}', 404),
        (b'{"Model": "large"}', 404),
    ],
)
def test_models_for_the_default_provider(serving, upstream, body, status):
    """A request that names a model after all may name one that the router exposes."""
    assert serving.call("POST", "/files/fine_tuning/jobs", JSON, body).status == status
    assert len(upstream.seen) == (status == 200)


NOT_LOCAL = [
    ("X-Forwarded-For", "127.0.0.1"),
    ("Forwarded", "for=127.0.0.1"),
    ("Via", "1.1 proxy"),
    ("X-Real-IP", "127.0.0.1"),
    ("Origin", "https://evil.example"),
    ("Host", "rebound.example:5380"),
    ("Sec-Fetch-Site", "cross-site"),
]


@pytest.mark.parametrize(("name", "value"), NOT_LOCAL)
def test_no_open_relay(serving, upstream, name, value):
    """A request of a proxy or of a web page from elsewhere gets no provider, unless it has shown a header."""
    forwarded = {name: value}
    reply = ask(serving, "one/x", headers=forwarded)
    assert (reply.status, upstream.seen) == (403, [])
    assert "GECHOLOG_OPEN_V1=1" in told(reply)["error"]["message"]
    assert ask(serving, "one/x", "/keyed/chat/completions", forwarded | {"X-Team": "blue"}).status == 200
    assert ask(serving, "one/x", "/keyed/chat/completions", forwarded).status == 401


@pytest.fixture
def choosing(run_gateway, upstream, second):
    """A gateway whose processor chooses the router, and that masks no header."""
    processors = [[processor("choose", modifier=True, output_fields_write=["gl_path"])]]
    return run_gateway(
        [
            {"path": "/plain/", "outbound": {"url": second.url}},
            {"path": "/echo/", "outbound": {"url": second.url}},
            models_router(),
            {**models_router("/keyed/"), "ingress": {"headers": {"X-Team": ["blue"]}}},
        ],
        providers=[provider("azure", upstream.url, dialect="azure"), provider("one", upstream.url)],
        masked_headers=[],
        request={"processors": processors},
    )


@pytest.mark.parametrize("path", ["/v1/", "/keyed/"])
def test_no_open_relay_over_another_router(choosing, upstream, second, bus, path):
    """The header that a router asks for has been shown to it only by calls that came to it."""
    bus.scripts["processor.choose"] = lambda _: json.dumps({"gl_path": path}).encode()
    reply = ask(choosing, "one/x", "/plain/chat/completions", {"X-Forwarded-For": "203.0.113.9"})
    assert (reply.status, upstream.seen, second.seen) == (403, [], [])


@pytest.mark.parametrize(("name", "header"), [("azure", "api-key"), ("one", "authorization")])
def test_keys_of_providers_are_always_masked(choosing, upstream, bus, name, header):
    """In the record and in an echo, whichever headers the config masks."""
    bus.scripts["processor.choose"] = lambda _: b"{}"
    reply = ask(choosing, f"{name}/x")
    assert f"key-of-{name}".encode() in upstream.asked().values(header)[0]
    assert f"key-of-{name}" not in json.dumps(bus.record(reply.transaction))
    bus.scripts["processor.choose"] = lambda _: b'{"gl_path": "/v1/"}'
    echoed = ask(choosing, f"{name}/x", "/echo/chat/completions")
    assert (echoed.status, echoed.value(header)) == (200, "*****MASKED*****")
    assert f"key-of-{name}" not in json.dumps(bus.record(echoed.transaction))


def test_open_to_everybody(run_gateway, upstream):
    """If its owner says so."""
    open_one = run_gateway([models_router()], providers=[provider("one", upstream.url)], env={"GECHOLOG_OPEN_V1": "1"})
    assert ask(open_one, "one/x", headers={"X-Forwarded-For": "203.0.113.9"}).status == 200


def test_processors_see_and_change_it(serving, second, bus):
    """What a processor writes is what the model is looked up in; its control answer needs no model."""
    bus.scripts["processor.swap"] = lambda data: json.dumps(
        {"outbound_payload": json.loads(data)["outbound_payload"] | {"model": "pair"}}
    ).encode()
    assert ask(serving, "few-nothing", "/few/chat/completions").value("x-gecholog-provider") == "one"
    bus.scripts["processor.swap"] = lambda _: b'{"control": {"said": "no"}}'
    assert told(ask(serving, "few-nothing", "/few/chat/completions")) == {"said": "no"}


def test_a_model_name_cannot_break_a_header(serving, upstream):
    """It is the client's text, and goes into one."""
    reply = ask(serving, "one/x\r\nX-Injected: yes")
    assert (reply.status, reply.value("x-gecholog-model")) == (200, "x??X-Injected: yes")
    assert reply.value("X-Injected") is None


def test_reload(run_gateway, upstream, second):
    """Providers and models come and go with the config; what is in force is not lost to a slip."""
    values = {"providers": [provider("one", upstream.url)], "models": [{"name": "m", "targets": ["one/a"]}]}
    gateway = run_gateway([models_router()], **values)
    gateway.reload(gateway.values | {"providers": [provider("one", second.url)]})
    assert ask(gateway, "m").status == 200
    assert json.loads(second.asked().body)["model"] == "a"
    gateway.reload(gateway.values | {"models": [{"name": "m", "targets": ["on/a"]}]}, taken=False)
    assert ask(gateway, "m").status == 200
    gateway.reload(gateway.values | {"models": []})
    assert ask(gateway, "m").status == 404


def test_fallbacks_of_a_plain_router(run_gateway, upstream, second, bus):
    """A router names its own, and retries, without any processor; a breaker keeps calls from what fails."""
    first = {"path": "/a/", "outbound": {"url": upstream.url, "fallbacks": ["/b/"], "breaker": {"failures": 2}}}
    gateway = run_gateway([first, {"path": "/b/", "outbound": {"url": second.url}}])
    upstream.behaviour = lambda talk: talk.reply(DOWN, 500)
    for _ in range(2):
        assert gateway.call("POST", "/a/x", {}, b"{}").status == 200
    assert len(upstream.seen) == 2
    reply = gateway.call("POST", "/a/x", {}, b"{}")
    assert (reply.status, len(upstream.seen), len(second.seen)) == (200, 2, 3)
    assert [one["gl_path"] for one in bus.record(reply.transaction)["request"]["attempts"]] == ["/b/"]
