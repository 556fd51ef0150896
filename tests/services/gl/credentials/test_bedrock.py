"""Bedrock: requests are signed, streams are translated, and the client learns why if there are no credentials.

The server here checks signatures as AWS does (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html).
"""

import contextlib
import hashlib
import hmac
import json
import struct
import time
import zlib
from datetime import UTC, datetime
from email.utils import formatdate
from urllib.parse import quote

import openai
import pytest

from services.gl.routing.aws_service import AwsService, bedrock_url, region_of
from tests.services.gl.rig.upstream import Upstream
from tests.support.waiting import DEADLINE, until

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


def bedrock(region="eu-central-1", skew_s=0):
    """An upstream that answers what is rightly signed. Its clock is `skew_s` ahead."""

    def answer(talk):
        request = talk.request
        asked, wanted = signature_of(request, region)
        moment = datetime.strptime(header(request, "X-Amz-Date"), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if asked != wanted:
            refuse(talk, "InvalidSignatureException", "The request signature we calculated does not match", skew_s)
        elif abs(time.time() + skew_s - moment.timestamp()) > 300:
            refuse(talk, "InvalidSignatureException", "Signature expired", skew_s)
        elif request.target.endswith("/converse-stream"):
            data = b"".join(message(name, value) for name, value in EVENTS)
            talk.reply(data, kind="application/vnd.amazon.eventstream")
        else:
            talk.reply(json.dumps(ANSWER).encode())

    return answer


def refuse(talk, kind, words, skew_s=0):
    """As Bedrock refuses a request."""
    date = formatdate(time.time() + skew_s, usegmt=True)
    talk.reply(json.dumps({"message": words}).encode(), 403, f"Date: {date}", f"X-Amzn-Errortype: {kind}:http://x/")


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


@pytest.mark.parametrize("skew_s", [600, -600])
def test_a_clock_that_is_ten_minutes_off(start, upstream, skew_s):
    """The client does not notice: the request is signed again with the time of AWS, and so are those after it."""
    upstream.behaviour = bedrock(skew_s=skew_s)
    with start({}, region="eu-central-1") as client:
        assert [ask(client).choices[0].message.content for _ in range(2)] == ["hi", "hi"]
        assert len(upstream.seen) == 3
        upstream.behaviour = bedrock()  # the clock was set right
        assert [ask(client).choices[0].message.content for _ in range(2)] == ["hi", "hi"]
        assert len(upstream.seen) == 6


def test_a_wrong_secret_is_not_tried_twice(start, upstream):
    """Only another time makes another signature."""
    upstream.behaviour = bedrock()
    wrong = {"AWS_SECRET_ACCESS_KEY": "another-secret"}
    with start(wrong, region="eu-central-1") as client, pytest.raises(openai.PermissionDeniedError, match="signature"):
        ask(client)
    assert len(upstream.seen) == 1


def test_a_wrong_region(start, upstream):
    """AWS says which one it expects."""
    words = "Credential should be scoped to a valid region."
    upstream.behaviour = lambda talk: refuse(talk, "InvalidSignatureException", words)
    with start({}, region="eu-west-1") as client, pytest.raises(openai.PermissionDeniedError, match="valid region"):
        ask(client)
    assert len(upstream.seen) == 1


def credentials_file(folder, key, token):
    file = folder / "credentials"
    words = ["[default]", f"aws_access_key_id={key}", f"aws_secret_access_key={SECRET}", f"aws_session_token={token}"]
    file.write_text("\n".join(words))
    return {**dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "")} | {
        "AWS_SHARED_CREDENTIALS_FILE": str(file)
    }


def test_expired_credentials(start, upstream, tmp_path):
    """AWS's words reach the client. Once the file has others, they are found without a reload."""
    serve = bedrock()

    def answer(talk):
        if b"expired" in talk.request.values("x-amz-security-token"):
            refuse(talk, "ExpiredTokenException", "The security token included in the request is expired")
        else:
            serve(talk)

    upstream.behaviour = answer
    with start(credentials_file(tmp_path, "AKIDOLD", "expired"), region="eu-central-1") as client:
        with pytest.raises(openai.PermissionDeniedError, match="is expired"):
            ask(client)
        credentials_file(tmp_path, "AKIDEXAMPLE", "new")

        def is_served():
            with contextlib.suppress(openai.PermissionDeniedError):
                return ask(client).choices[0].message.content == "hi"

        until(is_served, "the new credentials")


def machine(server):
    """The environment of a machine of AWS, with a role."""
    none = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "")
    return none | {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{server.url}/"}


def metadata(talk):
    """The metadata server of a machine of AWS, version 2."""
    path = talk.request.target
    if path == "/latest/api/token":
        talk.reply(b"the-token", 200, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600", kind="text/plain")
    elif path.endswith("/security-credentials/"):
        talk.reply(b"the-role", kind="text/plain")
    else:
        expires = datetime.fromtimestamp(time.time() + 6 * 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found = {"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": expires}
        keys = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": SECRET, "Token": "of-the-role"}
        talk.reply(json.dumps(found | keys).encode())


def test_the_metadata_server_away_and_back(run_gateway, upstream):
    """Calls get a reason, and are served once it is back."""
    upstream.behaviour = bedrock()
    server = Upstream()
    server.behaviour = lambda talk: talk.reset()
    providers = [{"name": "aws", "dialect": "bedrock", "url": upstream.url, "region": "eu-central-1"}]
    routers = [{"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}}]
    gateway = run_gateway(routers, providers=providers, env=ENVIRONMENT | machine(server))
    url = f"http://127.0.0.1:{gateway.port}/v1"
    try:
        with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=DEADLINE) as client:
            with pytest.raises(openai.InternalServerError, match="there are no credentials for AWS") as caught:
                ask(client)
            assert (caught.value.status_code, upstream.seen) == (503, [])
            server.behaviour = metadata
            gateway.reload(gateway.values)
            assert ask(client).choices[0].message.content == "hi"
        assert header(upstream.seen[-1], "X-Amz-Security-Token") == "of-the-role"
        warned = [one for one in gateway.process.entries if one["msg"] == "no credentials for AWS"]
        assert [one["level"] for one in warned] == ["WARN"]
    finally:
        gateway.close()
        server.stop()


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
