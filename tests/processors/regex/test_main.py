"""regex as a program, with a real gateway."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processors.rig import entry, start_stack
from tests.support.process import environment_of

pytest.importorskip("re2", reason="google-re2 is not installed (the extra regex)")

EXAMPLE = Path(__file__).parents[3] / "processors" / "regex" / "gl_config.json"
SAID = '```json\n{"a": [1.50]}\n```'
CHAT = {"choices": [{"message": {"role": "assistant", "content": SAID}}]}


def answers(stack, payload, kind="application/json"):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    stack.upstream.behaviour = lambda talk: talk.reply(body, kind=kind)


def test_in_the_answer(tmp_path, plain_nats_server):
    """With the example's config the client and the record get the matches."""
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        stack.run_module("processors.regex", MATCH_JSON="true")
        answers(stack, CHAT)
        reply = stack.post("/json/v1", {"messages": []})
        assert reply.json() == CHAT | {
            "regex": {"match": True, "sections": [{"text": '{"a": [1.50]}', "object": {"a": [1.5]}}]}
        }
        assert stack.record(reply)["response"]["egress_payload"]["regex"]["match"] is True
        assert stack.post("/markdown/v1", {"messages": []}).json()["regex"] == {"match": False, "sections": []}


def test_a_stream_is_left_alone(tmp_path, plain_nats_server):
    """The client of a stream gets the events unchanged."""
    events = b'data: {"choices":[{"index":0,"delta":{"content":"```json\\n{}\\n```"}}]}\n\ndata: [DONE]\n\n'
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        stack.run_module("processors.regex")
        answers(stack, events, kind="text/event-stream")
        assert stack.post("/json/v1", {"stream": True}).body == events


def test_with_the_original_entry(tmp_path, plain_nats_server):
    """An entry that sends only path and payload, as the original's, works."""
    regex = entry(
        "regex",
        modifier=True,
        input_fields_include=["egress_payload", "gl_path"],
        output_fields_write=["egress_payload"],
    )
    with start_stack(tmp_path, plain_nats_server, response={"processors": [[regex]]}) as stack:
        stack.run_module("processors.regex", REGEX_PATTERN="a(.)c", REGEX_FIELD="egress_payload.text")
        answers(stack, {"text": "abc"})
        assert stack.post("/service/v1").json()["regex"]["sections"] == [{"text": "b", "object": None}]


def test_a_hard_pattern_hangs_nothing(tmp_path, plain_nats_server):
    """A pattern that is too slow leaves the response unchanged, and the next one is processed."""
    slow = json.dumps({"text": "x" * 400_000}).encode()
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        process = stack.run_module(
            "processors.regex", REGEX_PATTERN=r"(x)(?:[\s\S]*y)?", REGEX_FIELD="egress_payload.text"
        )
        answers(stack, slow)
        assert stack.post("/json/v1").body == slow
        failed = process.wait_for_log("message not processed")
        assert failed["reason"] == "the search took longer than the time limit"
        answers(stack, {"text": "x"})
        assert stack.post("/json/v1").json()["regex"]["match"] is True


def test_wrong_config(tmp_path):
    """An invalid config ends it at once."""
    env = environment_of(tmp_path, {"REGEX_PATTERN": "secret("})
    command = [sys.executable, "-m", "processors.regex"]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == "regex: environment: REGEX_PATTERN: must be a regular expression in RE2 syntax (missing ))\n"
