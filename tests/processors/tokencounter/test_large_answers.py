"""Responses that are too large for the bus count towards a cap, because gl sends their usage to the counter."""

import gzip
import json
from pathlib import Path

import pytest

from tests.processors.rig import start_stack

CONF = Path(__file__).parents[3] / "conf"
USAGE = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}
JSON = json.dumps({"data": ["x" * 9_000_000], "usage": USAGE}).encode()
IMAGE = {"type": "image_generation.completed", "b64_json": "A" * 12_000_000, "usage": USAGE}
STREAM = f"data: {json.dumps(IMAGE)}\n\n".encode()
ASKED = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}


def shipped(name):
    return json.loads((CONF / name).read_text("utf-8"))


def patient(processor_rows):
    """Return the counter's row for the router of the test, with a timeout for a loaded machine."""
    return [one | {"timeout": 10_000, "routers": ["/service/"]} for one in processor_rows[0]]


@pytest.mark.parametrize(
    ("body", "kind", "lines"),
    [
        (JSON, "application/json", ()),
        (gzip.compress(JSON, 1), "application/json", ("Content-Encoding: gzip",)),
        (STREAM, "text/event-stream", ()),
        (STREAM, "text/plain", ()),
    ],
)
def test_large_answers_are_counted(tmp_path, nats_server, config, start, body, kind, lines):
    """The third call is refused, because two have used 98 tokens of 90."""
    caps = [{"router": "/service/", "fields": [{"field": "total_tokens", "value": 90}]}]
    patterns = shipped("tokencounter_config.json")["usage_fields"]
    start(config | {"token_caps": caps, "usage_fields": patterns, "cap_status_code": 429})
    gateway = shipped("gl_config.json")
    sides = {side: {"processors": [patient(gateway[side]["processors"])]} for side in ("request", "response")}
    with start_stack(tmp_path, nats_server, **sides) as stack:
        stack.upstream.behaviour = lambda talk: talk.reply(body, 200, *lines, kind=kind)
        for _ in range(2):
            reply = stack.post("/service/v1", ASKED)
            assert (reply.status, reply.body) == (200, body)
            record = stack.record(reply)
            assert record["response"]["token_count"] == USAGE
        assert stack.post("/service/v1", ASKED).status == 429
