"""gl is killed after the last byte of streamed answers: every recovered record has the usage of its response.

`USAGE_KILLED_CALLS` is how many there are; `make soak` takes more.
"""

import json
import os

import pytest

from tests.services.gl.rig.gateway import Gateway, config_of, processor, router

CALLS = int(os.environ.get("USAGE_KILLED_CALLS", "40"))
STREAM = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}).encode()


def chat(number):
    """OpenAI's chunks; the last but one tells the usage."""
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": number, "completion_tokens": 3, "total_tokens": number + 3}},
    ]
    return [b"data: %b\n\n" % json.dumps(item).encode() for item in chunks] + [b"data: [DONE]\n\n"]


def anthropic(number):
    """Anthropic's events: input at the start, output at the end."""
    events = [
        {"type": "message_start", "message": {"usage": {"input_tokens": number, "output_tokens": 1}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    return [b"event: %b\ndata: %b\n\n" % (item["type"].encode(), json.dumps(item).encode()) for item in events]


@pytest.fixture
def start(tmp_path, bus_server, shared_upstream):
    """Start gl, again and again, in the same home; a late processor that never answers keeps records from the bus."""
    silent = processor("silent", input_fields_include=["gl_path"], timeout=600_000, **{"async": True})
    running = []

    def run(**more):
        values = config_of(bus_server.hostname, [router("/v1/", shared_upstream.url)], **more)
        running.append(Gateway(tmp_path, bus_server, values).ready())
        return running[-1]

    def begin(*, held):
        return run(response={"processors": [[silent]]}) if held else run()

    yield begin
    for gateway in running:
        gateway.close()


def test_usage_survives(start, upstream, bus):
    """The records were accepted into the journal before the last byte left, and their usage with them."""
    bodies = [(chat, anthropic)[number % 2](number) for number in range(CALLS)]

    def talk(conversation):
        number = int(conversation.request.target.rpartition("/")[2])
        conversation.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        for piece in [*bodies[number], b""]:
            conversation.chunk(piece)

    upstream.behaviour = talk
    gateway = start(held=True)
    transactions = {}
    with gateway.client() as client:
        for number, body in enumerate(bodies):
            reply = client.ask("POST", f"/v1/{number}", {"Content-Type": "application/json"}, STREAM).reply()
            assert reply.body == b"".join(body)
            transactions[reply.transaction] = number
    assert not [record for record in bus.records if record["transaction_id"] in transactions]
    gateway.process.kill()
    start(held=False)
    for transaction, number in transactions.items():
        record = bus.record(transaction)
        assert [error["name"] for error in record["error"]] == ["recovered"]
        assert record["usage"] == {
            "source": "provider",
            "prompt_tokens": number,
            "completion_tokens": 3,
            "total_tokens": number + 3,
        }
