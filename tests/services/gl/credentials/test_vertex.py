"""Vertex AI: models of Google and of Anthropic by one provider, with tokens that are there before the first call."""

import json

import anthropic
import openai
import pytest

from tests.services.gl.rig.google import REFUSED_CLOCK, FakeGoogle
from tests.services.gl.rig.upstream import Upstream
from tests.support.waiting import DEADLINE

FAILED = "no token of Google for a provider"
CLAUDE = "claude-haiku-4-5@20251001"
GEMINI = "gemini-2.5-flash"
PLACE = "/projects/my-project/locations/europe-west4/publishers"
ROUTERS = [{"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}}]
NO_MACHINE = {"NO_GCE_CHECK": "true", "CLOUDSDK_CONFIG": "/nonexistent", "GOOGLE_APPLICATION_CREDENTIALS": ""}

GEMINI_ANSWER = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
    "modelVersion": GEMINI,
}
CLAUDE_ANSWER = {
    "id": "msg_vrtx_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
CLAUDE_STREAM = [
    {"type": "message_start", "message": CLAUDE_ANSWER | {"content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]
EMBEDDED = {"values": [0.5, 1.0], "statistics": {"token_count": 4}}
ANSWERS = {
    "generateContent": GEMINI_ANSWER,
    "rawPredict": CLAUDE_ANSWER,
    "embedContent": {"embedding": {"values": [0.5, 1.0]}, "usageMetadata": {"promptTokenCount": 4}},
    "batchEmbedContents": {"embeddings": [{"values": [0.5]}, {"values": [1.0]}]},
}


def models(talk):
    """Answers as the models of Vertex do, by the method at the end of the path."""
    path = talk.request.target.partition("?")[0]
    name, _, method = path.rpartition("/")[2].partition(":")
    body = json.loads(talk.request.body)
    if name == "count-tokens":
        talk.reply(b'{"input_tokens":7}')
    elif method == "streamGenerateContent":
        talk.reply(b"data: " + json.dumps(GEMINI_ANSWER).encode() + b"\r\n\r\n", kind="text/event-stream")
    elif method == "streamRawPredict":
        events = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in CLAUDE_STREAM]
        talk.reply("".join(events).encode(), kind="text/event-stream")
    elif method == "predict" and name.startswith("imagen"):
        talk.reply(b'{"predictions":[{"bytesBase64Encoded":"aGk=","mimeType":"image/png"}]}')
    elif method == "predict":
        talk.reply(json.dumps({"predictions": [{"embeddings": EMBEDDED} for _ in body["instances"]]}).encode())
    else:
        talk.reply(json.dumps(ANSWERS[method]).encode())


def provider(url, **more):
    return {
        "name": "vertex",
        "dialect": "vertex",
        "url": url,
        "project": "my-project",
        "location": "europe-west4",
        **more,
    }


@pytest.fixture(scope="module")
def server():
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def google(server):
    """Issues tokens, and serves the models."""
    server.seen.clear()
    return FakeGoogle(server, models)


@pytest.fixture
def run(run_gateway, server, google, tmp_path):
    """Starts a gateway that calls the fake as a service account, and ends it with the test."""
    running = []

    def start(*, file=True, env=NO_MACHINE, **more):
        credentials = {"credentials_file": str(google.key_file(tmp_path))} if file else {}
        running.append(run_gateway(ROUTERS, providers=[provider(server.url, **credentials)], env=env, **more))
        return running[-1]

    yield start
    for gateway in running:
        gateway.close()


@pytest.fixture(scope="module")
def serving(run_gateway, tmp_path_factory):
    """A gateway with a token, whose Vertex answers everything, and that Vertex."""
    vertex = Upstream()
    file = FakeGoogle(vertex, models).key_file(tmp_path_factory.mktemp("google"))
    gateway = run_gateway(ROUTERS, providers=[provider(vertex.url, credentials_file=str(file))], env=NO_MACHINE)
    yield gateway, vertex
    gateway.close()
    vertex.stop()


@pytest.fixture
def client(serving):
    with openai.OpenAI(base_url=url_of(serving[0]), api_key="none", max_retries=0, timeout=DEADLINE) as made:
        yield made


def url_of(gateway):
    return f"http://127.0.0.1:{gateway.port}/v1"


def ask(gateway, model=f"vertex/{GEMINI}"):
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hi"}]}).encode()
    return gateway.call("POST", "/v1/chat/completions", {"Content-Type": "application/json"}, body)


def warned(gateway):
    return [entry for entry in gateway.process.entries if entry["msg"] == FAILED]


# ------------------------------------------------------------------ what goes to Vertex


@pytest.mark.parametrize("model", [GEMINI, CLAUDE])
def test_chat_completions(client, serving, model):
    """Whole and streamed; the model and its publisher are in the path."""
    messages = [{"role": "user", "content": "Hi"}]
    whole = client.chat.completions.create(model=f"vertex/{model}", messages=messages)
    assert (whole.choices[0].message.content, whole.usage.total_tokens) == ("hi", 5)
    chunks = list(client.chat.completions.create(model=f"vertex/{model}", messages=messages, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hi"
    first, second = (request.target for request in serving[1].seen[-2:])
    if model == GEMINI:
        assert first == f"/v1beta1{PLACE}/google/models/{GEMINI}:generateContent"
        assert second == f"/v1beta1{PLACE}/google/models/{GEMINI}:streamGenerateContent?alt=sse"
    else:
        assert first == f"/v1{PLACE}/anthropic/models/{CLAUDE}:rawPredict"
        assert second == f"/v1{PLACE}/anthropic/models/{CLAUDE}:streamRawPredict"
        body = json.loads(serving[1].seen[-2].body)
        assert body["anthropic_version"] == "vertex-2023-10-16"
        assert "model" not in body


def test_the_bytes_of_a_client_of_anthropic(serving):
    """Only the model is another member, and the query is Anthropic's own: Google refuses what it does not know."""
    gateway, vertex = serving
    body = b'{ "max_tokens": 5.0, "model":"vertex/%b", "unknown": "\xc3\xa4", "messages": [] }' % CLAUDE.encode()
    sent = {"Content-Type": "application/json", "Anthropic-Version": "2023-06-01", "Anthropic-Beta": "a-beta,b-beta"}
    reply = gateway.call("POST", "/v1/messages?beta=true", sent, body)
    assert (reply.status, reply.json()) == (200, CLAUDE_ANSWER)
    seen = vertex.seen[-1]
    wanted = b'{ "max_tokens": 5.0, "anthropic_version":"vertex-2023-10-16", "unknown": "\xc3\xa4", "messages": [] }'
    assert (seen.target, seen.body) == (f"/v1{PLACE}/anthropic/models/{CLAUDE}:rawPredict", wanted)
    assert seen.values("anthropic-beta") == [b"a-beta,b-beta"]
    assert seen.values("authorization") == [b"Bearer token-1"]


GOOGLES = {"error": {"code": 404, "message": "Publisher model was not found", "status": "NOT_FOUND"}}
ANTHROPICS = b'{"type":"error", "error":{"type":"not_found_error","message":"m"},"request_id":"req_vrtx_1"}'


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        (json.dumps(GOOGLES).encode(), ("not_found_error", "Publisher model was not found")),
        (json.dumps([GOOGLES]).encode(), ("not_found_error", "Publisher model was not found")),
        (b"<html>Not Found</html>", ("not_found_error", "<html>Not Found</html>")),
        (ANTHROPICS, None),
    ],
)
def test_errors_for_a_client_of_anthropic(serving, sent, wanted):
    """Google's own errors get the form of Anthropic's, which pass as they are."""
    gateway, vertex = serving
    usual = vertex.behaviour
    vertex.behaviour = lambda talk: talk.reply(sent, 404)
    try:
        body = json.dumps({"model": f"vertex/{CLAUDE}", "max_tokens": 5, "messages": []}).encode()
        reply = gateway.call("POST", "/v1/messages", {"Content-Type": "application/json"}, body)
    finally:
        vertex.behaviour = usual
    assert reply.status == 404
    if wanted is None:
        assert reply.body == sent
    else:
        assert reply.json() == {"type": "error", "error": {"type": wanted[0], "message": wanted[1]}}


def test_the_sdk_of_anthropic(serving):
    """Streams and token counts."""
    gateway, vertex = serving
    name, messages = f"vertex/{CLAUDE}", [{"role": "user", "content": "Hi"}]
    url = url_of(gateway).removesuffix("/v1")
    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0, timeout=DEADLINE) as sdk:
        with sdk.messages.stream(model=name, max_tokens=5, messages=messages) as stream:
            assert stream.get_final_text() == "hi"
        assert vertex.seen[-1].target.endswith(f"/{CLAUDE}:streamRawPredict")
        assert sdk.messages.count_tokens(model=name, messages=messages).input_tokens == 7
    counted = vertex.seen[-1]
    assert counted.target == f"/v1{PLACE}/anthropic/models/count-tokens:rawPredict"
    assert json.loads(counted.body)["model"] == CLAUDE


@pytest.mark.parametrize(
    ("model", "texts", "method", "body", "vectors"),
    [
        (
            "text-embedding-005",
            ["a", "b"],
            "predict",
            {"instances": [{"content": "a"}, {"content": "b"}]},
            [[0.5, 1.0]] * 2,
        ),
        (
            "gemini-embedding-001",
            "a",
            "embedContent",
            {"content": {"role": "user", "parts": [{"text": "a"}]}},
            [[0.5, 1.0]],
        ),
        (
            "gemini-embedding-001",
            ["a", "b"],
            "batchEmbedContents",
            {"requests": [{"content": {"role": "user", "parts": [{"text": text}]}} for text in "ab"]},
            [[0.5], [1.0]],
        ),
    ],
)
def test_embeddings(client, serving, model, texts, method, body, vectors):
    """By the method that the model has."""
    found = client.embeddings.create(model=f"vertex/{model}", input=texts, encoding_format="float")
    assert [one.embedding for one in found.data] == vectors
    seen = serving[1].seen[-1]
    assert seen.target == f"/v1beta1{PLACE}/google/models/{model}:{method}"
    assert json.loads(seen.body) == body


def test_images(client, serving):
    """Imagen."""
    made = client.images.generate(model="vertex/imagen-4.0-generate-001", prompt="a hat", response_format="b64_json")
    assert made.data[0].b64_json == "aGk="
    assert serving[1].seen[-1].target == f"/v1beta1{PLACE}/google/models/imagen-4.0-generate-001:predict"


# ------------------------------------------------------------------ tokens


def test_one_token_for_all_calls(run, google, bus):
    """It is there before the first call, and nobody reads it: neither in records nor in logs."""
    gateway = run()
    reply = ask(gateway)
    assert (reply.status, ask(gateway, f"vertex/{CLAUDE}").status) == (200, 200)
    assert "token-1" not in json.dumps(bus.record(reply.transaction)) + "".join(gateway.process.lines)
    gateway.reload(gateway.values)
    assert (ask(gateway).status, google.issued) == (200, 1)


def test_the_token_endpoint_away_and_back(run, google):
    """Calls get a reason; a group goes on to its next target."""
    google.down = True
    google_of_group = {"name": "group", "targets": [f"vertex/{GEMINI}", "own/m"]}
    upstream = Upstream()
    upstream.behaviour = lambda talk: talk.reply(json.dumps({"choices": []}).encode())
    try:
        gateway = run(models=[google_of_group])
        gateway.reload(
            gateway.values
            | {"providers": [*gateway.values["providers"], {"name": "own", "dialect": "openai", "url": upstream.url}]}
        )
        reply = ask(gateway)
        error = reply.json()["error"]
        assert (reply.status, error["code"], reply.value("Retry-After")) == (503, "provider_not_ready", "5")
        assert error["message"] == "provider vertex cannot be called: there is no token of Google for it, see the log"
        assert ask(gateway, "group").status == 200
        google.down = False
        gateway.reload(gateway.values)
        assert ask(gateway).status == 200
        assert [(one["level"], one["provider"]) for one in warned(gateway)] == [("WARN", "vertex")]
    finally:
        upstream.stop()


@pytest.mark.parametrize(("skew_s", "words"), [(600, "behind"), (-600, "ahead of")])
def test_a_clock_that_is_ten_minutes_off(run, google, skew_s, words):
    """Google refuses the assertion. The log says what is wrong, and with a right clock all is well."""
    google.skew_s = skew_s
    gateway = run()
    assert ask(gateway).status == 503
    (line,) = warned(gateway)
    assert line["reason"].startswith(f"invalid_grant: {REFUSED_CLOCK}")
    assert f"s {words} the server's)" in line["reason"]
    google.skew_s = 0
    gateway.reload(gateway.values)
    assert ask(gateway).status == 200


def machine(server):
    """The environment of a machine of Google Cloud."""
    host = f"127.0.0.1:{server.port}"
    return {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host, "CLOUDSDK_CONFIG": "/nonexistent"}


def test_the_identity_of_the_machine(run, google, server):
    """From the metadata server."""
    gateway = run(file=False, env=machine(server))
    assert ask(gateway).status == 200
    assert google.issued == 1


def test_the_metadata_server_away_and_back(run, google, server):
    """Then there are no credentials at all."""
    google.down = True
    gateway = run(file=False, env=machine(server) | {"GCE_METADATA_DETECT_RETRIES": "1"})
    assert ask(gateway).status == 503
    (line,) = warned(gateway)
    assert "default credentials were not found" in line["reason"]
    google.down = False
    gateway.reload(gateway.values)
    assert ask(gateway).status == 200


def test_a_workload_identity(run_gateway, google, server, tmp_path):
    """A token of another issuer is exchanged for Google's."""
    (tmp_path / "subject").write_text("token-of-the-cluster")
    config = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{server.url}/sts",
        "credential_source": {"file": str(tmp_path / "subject")},
    }
    file = tmp_path / "federation.json"
    file.write_text(json.dumps(config))
    gateway = run_gateway(ROUTERS, providers=[provider(server.url, credentials_file=str(file))], env=NO_MACHINE)
    try:
        assert [line["reason"] for line in warned(gateway)] == []
        assert ask(gateway).status == 200
        assert google.federated == "token-of-the-cluster"
    finally:
        gateway.close()


def test_an_api_key_in_place_of_tokens(run_gateway, google, server):
    """Neither a project nor Google's library is needed."""
    server.behaviour = models
    entry = {"name": "vertex", "dialect": "vertex", "url": server.url, "api_key": "the-vertex-key"}
    gateway = run_gateway(ROUTERS, providers=[entry], env=NO_MACHINE)
    try:
        assert ask(gateway).status == 200
        seen = server.seen[-1]
        assert seen.target == f"/v1beta1/publishers/google/models/{GEMINI}:generateContent"
        assert (seen.values("x-goog-api-key"), google.issued) == ([b"the-vertex-key"], 0)
    finally:
        gateway.close()
