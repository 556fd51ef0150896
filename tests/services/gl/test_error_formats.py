"""gl's own errors as the official SDKs show them: each says what is wrong, and where."""

import json

import anthropic
import openai
import pytest

from services.gl.attempt.failure import failure
from services.gl.errors import UpstreamError
from services.gl.routing.routers import Router, Timeouts, parse_target
from tests.services.gl.rig.gateway import processor, router
from tests.support.ports import free_port

MIB = 1024 * 1024
CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def telling(run_gateway, shared_upstream):
    """A gateway whose errors are for SDKs, with one router for each thing that can go wrong."""
    url = shared_upstream.url
    return run_gateway(
        [
            router("/fine/", url),
            router("/locked/", url, required={"Authorization": ["Bearer the-key"]}),
            router("/down/", f"http://127.0.0.1:{free_port()}"),
            router("/silent/", url, timeouts={"first_byte_ms": 300}),
            router("/unset/", "${NO_SUCH_VARIABLE}"),
            router("/away/", url),
            router("/large/", url),
            router("/plain/", f"http://127.0.0.1:{free_port()}") | {"errors": "plain"},
            router("/claude/", f"http://127.0.0.1:{free_port()}") | {"errors": "anthropic"},
        ],
        errors="auto",
        masked_headers=["Authorization"],
        request={
            "processors": [
                [processor("away", required=True, routers=["/away/"], timeout=300)],
                [processor("large", required=True, routers=["/large/"], input_fields_include=["ingress_payload"])],
            ]
        },
    )


def post(gateway, path, body=b"{}"):
    return gateway.call("POST", path, {"Content-Type": "application/json"}, body)


def silent(talk):
    """The target takes the call and says nothing."""
    talk.left()


CASES = [
    ("nowhere", 404, "no router for /nowhere/"),
    ("unset", 503, "router /unset/ is configured but left out: NO_SUCH_VARIABLE is not set"),
    ("locked", 401, "missing or wrong key in Authorization"),
    ("down", 502, "target of /down/ refused the connection"),
    ("silent", 504, "target of /silent/: no answer within 300 ms"),
    ("away", 503, "required processor away failed: "),
]


@pytest.mark.parametrize(("path", "status", "reason"), CASES)
def test_openai_sdk(telling, upstream, path, status, reason):
    """The message of the exception is the reason."""
    if path == "silent":
        upstream.behaviour = silent
    with (
        openai.OpenAI(base_url=f"http://127.0.0.1:{telling.port}/{path}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.APIStatusError) as caught,
    ):
        client.chat.completions.create(**CHAT)
    assert caught.value.status_code == status
    assert reason in str(caught.value)
    assert "the-key" not in str(caught.value)
    assert caught.value.body["message"].startswith(reason.strip())


@pytest.mark.parametrize(("path", "status", "reason"), CASES)
def test_anthropic_sdk(telling, upstream, path, status, reason):
    """The same in the other shape, told by the path and the version header."""
    if path == "silent":
        upstream.behaviour = silent
    headers = {"Authorization": "Bearer wrong"}
    with (
        anthropic.Anthropic(
            base_url=f"http://127.0.0.1:{telling.port}/{path}", api_key="wrong", max_retries=0
        ) as client,
        pytest.raises(anthropic.APIStatusError) as caught,
    ):
        client.messages.create(**CHAT, max_tokens=1, extra_headers=headers)
    assert caught.value.status_code == status
    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"]["message"].startswith(reason.strip())


def test_body_too_large_for_a_required_processor(telling):
    """Not sent, and not sent around it: the status says that a smaller one would be taken."""
    reply = post(telling, "/large/v1/x", json.dumps({"text": "x" * (2 * MIB)}).encode())
    assert reply.status == 413
    assert "required processor large" in reply.json()["error"]["message"]
    assert str(MIB) in reply.json()["error"]["message"]


def test_retry_after_says_when(telling):
    """For what passes by itself."""
    assert post(telling, "/away/x").value("Retry-After") == "1"
    assert post(telling, "/down/x").value("Retry-After") is None


def test_router_has_a_format_of_its_own(telling):
    """It wins over the gateway's."""
    assert post(telling, "/plain/x").json() == {"error": "failure making request"}
    assert post(telling, "/claude/x").json()["type"] == "error"


def test_record_has_the_reason_and_what_the_client_got(telling, bus):
    """Both sides of the story."""
    reply = post(telling, "/down/x")
    record = bus.record(reply.transaction)
    assert record["response"]["egress_payload"] == reply.json()
    assert "Connection refused" in record["response"]["error"][0]["details"]


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("Connection refused", "target of /a/ refused the connection"),
        ("no answer in time", "target of /a/: no answer within 1500 ms"),
        ("no connection in time", "target of /a/: no connection within 250 ms"),
        ("host name not found", "target of /a/ failed: host name not found"),
    ],
)
def test_failures_of_targets(reason, message):
    """Which router's target, and which limit."""
    target = parse_target("http://h", "", {}, Timeouts(connect=0.25, first_byte=1.5))
    refusal = failure(Router("/a/", {}, target), UpstreamError(502, reason))
    assert (refusal.text, refusal.detail.message) == ("failure making request", message)
