"""Bedrock: requests are signed, streams are translated, and the client learns why if there are no credentials.

The server here checks signatures as AWS does (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html).
"""

import hashlib
import hmac
import json
import struct
import zlib
from datetime import UTC, datetime
from urllib.parse import quote

import openai
import pytest

from services.gl.aws_service import AwsService, bedrock_url, region_of
from tests.support.waiting import DEADLINE

SECRET = "the-secret-of-aws"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": "the-session",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
}
EVENTS = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hi"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": ANSWER["usage"]}),
]


def header(request, name):
    (value,) = request.values(name)
    return value.decode()


def signature_of(request, region):
    """The signature that a request has to have, and the one that it has."""
    fields = dict(part.strip().split("=", 1) for part in header(request, "Authorization").partition(" ")[2].split(","))
    signed = fields["SignedHeaders"].split(";")
    path, _, query = request.target.partition("?")
    canonical = "\n".join(
        [
            request.method,
            quote(path, safe="/~-_."),
            query,
            *(f"{name}:{header(request, name)}" for name in signed),
            "",
            ";".join(signed),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    moment = header(request, "X-Amz-Date")
    scope = f"{moment[:8]}/{region}/bedrock/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{SECRET}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    assert fields["Credential"] == f"AKIDEXAMPLE/{scope}"
    return fields["Signature"], key.hex()


def message(name, value):
    """A message of an AWS event stream."""
    payload = json.dumps(value).encode()
    headers = b"".join(
        bytes([len(key)]) + key + b"\x07" + struct.pack(">H", len(text)) + text
        for key, text in ((b":event-type", name.encode()), (b":message-type", b"event"))
    )
    start = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = start + struct.pack(">I", zlib.crc32(start)) + headers + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def bedrock(region="eu-central-1"):
    """An upstream that answers what is rightly signed."""

    def answer(talk):
        request = talk.request
        asked, wanted = signature_of(request, region)
        moment = datetime.strptime(header(request, "X-Amz-Date"), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if asked != wanted or abs((datetime.now(UTC) - moment).total_seconds()) > 300:
            talk.reply(b'{"message":"The request signature we calculated does not match"}', 403)
        elif request.target.endswith("/converse-stream"):
            data = b"".join(message(name, value) for name, value in EVENTS)
            talk.reply(data, kind="application/vnd.amazon.eventstream")
        else:
            talk.reply(json.dumps(ANSWER).encode())

    return answer


@pytest.fixture(scope="module")
def start(run_gateway, shared_upstream):
    def begin(env, **more):
        providers = [{"name": "aws", "dialect": "bedrock", "url": shared_upstream.url} | more]
        routers = [{"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}}]
        gateway = run_gateway(routers, providers=providers, env=ENVIRONMENT | env)
        url = f"http://127.0.0.1:{gateway.port}/v1"
        return openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=DEADLINE)

    return begin


def ask(client, **more):
    messages = [{"role": "user", "content": "Hi — ä"}]
    return client.chat.completions.create(model=f"aws/{MODEL}", messages=messages, **more)


def test_signed_requests(start, upstream):
    upstream.behaviour = bedrock()
    with start({}, region="eu-central-1") as client:
        whole = ask(client)
        assert (whole.choices[0].message.content, whole.usage.total_tokens) == ("hi", 5)
        chunks = list(ask(client, stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hi"
        assert chunks[-1].choices[0].finish_reason == "stop"
    assert header(upstream.seen[-1], "X-Amz-Security-Token") == "the-session"


def test_the_region_of_the_machine(start, upstream):
    upstream.behaviour = bedrock("us-west-2")
    with start({"AWS_REGION": "us-west-2"}) as client:
        assert ask(client).choices[0].message.content == "hi"


def test_a_refused_signature(start, upstream):
    """What AWS says of a wrong secret reaches the client."""
    upstream.behaviour = bedrock()
    wrong = {"AWS_SECRET_ACCESS_KEY": "another-secret"}
    with start(wrong, region="eu-central-1") as client, pytest.raises(openai.PermissionDeniedError, match="signature"):
        ask(client)


def test_without_a_region(start, upstream):
    with start({}) as client, pytest.raises(openai.InternalServerError, match="no region of AWS"):
        ask(client)
    assert upstream.seen == []


def test_without_credentials(start, upstream):
    empty = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "")
    with start(empty, region="eu-central-1") as client, pytest.raises(openai.InternalServerError, match="credentials"):
        ask(client)
    assert upstream.seen == []


def test_an_api_key_in_place_of_a_signature(start, upstream):
    upstream.behaviour = lambda talk: talk.reply(json.dumps(ANSWER).encode())
    with start({}, api_key="the-bedrock-key") as client:
        assert ask(client).choices[0].message.content == "hi"
    assert header(upstream.seen[-1], "Authorization") == "Bearer the-bedrock-key"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bedrock-runtime.us-east-1.amazonaws.com", "us-east-1"),
        ("bedrock-runtime.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("vpce-1-x.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", "ap-southeast-2"),
        ("localhost", ""),
    ],
)
def test_the_region_in_a_host(host, region):
    assert region_of(host) == region


def test_the_usual_address():
    assert bedrock_url("us-east-1") == "https://bedrock-runtime.us-east-1.amazonaws.com"
    assert bedrock_url("") == ""
    assert AwsService("bedrock").region == ""
