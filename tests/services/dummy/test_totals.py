"""The totals of what the dummy has sent."""

import json
import socket

import pytest

from tests.support.waiting import until

HELLO = [{"role": "user", "content": "Hello there!"}]
PARTS = {"contents": [{"parts": [{"text": "Hello there!"}]}]}
VERSION = {"anthropic_version": "2023-06-01"}


def totals(dummy, method="GET"):
    return dummy.send(method, "/dummy/totals").json()["models"]


@pytest.fixture
def counting(start):
    return start()


@pytest.mark.parametrize(
    ("path", "body", "prompt", "completion"),
    [
        ("/v1/chat/completions", {"model": "m", "messages": HELLO}, 3, 6),
        ("/v1/chat/completions", {"model": "m", "messages": HELLO, "stream": True}, 3, 6),
        ("/v1/responses", {"model": "m", "input": "Hello there!"}, 3, 6),
        ("/v1/completions", {"model": "m", "prompt": "Hello there!"}, 3, 6),
        ("/v1/embeddings", {"model": "m", "input": "Hello there!"}, 3, 0),
        ("/v1/messages", {"model": "m", "messages": HELLO, "max_tokens": 99}, 3, 6),
        ("/v1/messages", {"model": "m", "messages": HELLO, "max_tokens": 99, "stream": True}, 3, 6),
        ("/v1beta/models/m:generateContent", PARTS, 3, 6),
        ("/v1beta/models/m:streamGenerateContent", PARTS, 3, 6),
        ("/v1beta/models/m:streamGenerateContent?alt=sse", PARTS, 3, 6),
        ("/v1beta/models/m:embedContent", {"content": PARTS["contents"][0]}, 3, 0),
        ("/api/chat", {"model": "m", "messages": HELLO}, 3, 6),
        ("/api/generate", {"model": "m", "prompt": "Hello there!", "stream": False}, 3, 6),
        ("/api/embed", {"model": "m", "input": "Hello there!"}, 3, 0),
    ],
)
def test_tokens(dummy, path, body, prompt, completion):
    """Every API adds to the totals of the model, streamed or not."""
    totals(dummy, "DELETE")
    for _ in range(2):
        assert dummy.send("POST", path, body, **VERSION).status == 200
    row = totals(dummy)["m"]
    assert (row["requests"], row["prompt_tokens"], row["completion_tokens"]) == (2, 2 * prompt, 2 * completion)
    assert row["broken_off"] == 0
    assert totals(dummy, "DELETE") == {}


def test_errors_do_not_count(dummy):
    """A request that fails adds nothing."""
    totals(dummy, "DELETE")
    assert dummy.send("POST", "/api/chat", {"model": "m", "messages": HELLO}, X_Dummy_Status="500").status == 500
    assert dummy.send("POST", "/v1beta/models/m:generateContent", {"contents": []}).status == 400
    assert totals(dummy) == {}


def test_a_client_that_leaves(counting):
    """A stream that the client does not read to its end is counted as broken off, without its tokens."""
    body = json.dumps({"model": "m", "messages": HELLO}).encode()
    head = (
        "POST /api/chat HTTP/1.1\r\nHost: x\r\nX-Dummy-Chunk-Delay-Ms: 20\r\nX-Dummy-Chunks: 1000\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", counting.port)) as leaving:
        leaving.sendall(head.encode() + body)
        assert leaving.recv(100)
    row = until(lambda: totals(counting).get("m"))
    assert (row["broken_off"], row["requests"], row["completion_tokens"]) == (1, 0, 0)


def test_a_stream_that_is_to_fail(dummy):
    """So is a stream that ends with an error."""
    totals(dummy, "DELETE")
    dummy.send("POST", "/api/chat", {"model": "m", "messages": HELLO}, X_Dummy_Fail_After_Chunks="1")
    assert totals(dummy)["m"]["broken_off"] == 1
