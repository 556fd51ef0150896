"""regex as a program, beside a real gateway."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processors.rig import entry, house
from tests.support.process import environment_of

pytest.importorskip("re2", reason="google-re2 is not installed (the extra regex)")

EXAMPLE = Path(__file__).parents[3] / "processors" / "regex" / "gl_config.json"
SAID = '```json\n{"a": [1.50]}\n```'
CHAT = {"choices": [{"message": {"role": "assistant", "content": SAID}}]}


def answers(home, payload, kind="application/json"):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    home.upstream.behaviour = lambda talk: talk.reply(body, kind=kind)


def test_in_the_answer(tmp_path, plain_nats_server):
    """With the example's config the caller gets what was found, and so does the record."""
    with house(tmp_path, plain_nats_server, EXAMPLE) as home:
        home.run_module("processors.regex", MATCH_JSON="true")
        answers(home, CHAT)
        reply = home.post("/json/v1", {"messages": []})
        assert reply.json() == CHAT | {
            "regex": {"match": True, "sections": [{"text": '{"a": [1.50]}', "object": {"a": [1.5]}}]}
        }
        assert home.record(reply)["response"]["egress_payload"]["regex"]["match"] is True
        assert home.post("/markdown/v1", {"messages": []}).json()["regex"] == {"match": False, "sections": []}


def test_a_stream_is_left_alone(tmp_path, plain_nats_server):
    """The caller of a stream gets its events as they came."""
    events = b'data: {"choices":[{"index":0,"delta":{"content":"```json\\n{}\\n```"}}]}\n\ndata: [DONE]\n\n'
    with house(tmp_path, plain_nats_server, EXAMPLE) as home:
        home.run_module("processors.regex")
        answers(home, events, kind="text/event-stream")
        assert home.post("/json/v1", {"stream": True}).body == events


def test_with_the_original_entry(tmp_path, plain_nats_server):
    """An entry that sends nothing but path and payload, as the original's, works."""
    regex = entry(
        "regex",
        modifier=True,
        input_fields_include=["egress_payload", "gl_path"],
        output_fields_write=["egress_payload"],
    )
    with house(tmp_path, plain_nats_server, response={"processors": [[regex]]}) as home:
        home.run_module("processors.regex", REGEX_PATTERN="a(.)c", REGEX_FIELD="egress_payload.text")
        answers(home, {"text": "abc"})
        assert home.post("/service/v1").json()["regex"]["sections"] == [{"text": "b", "object": None}]


def test_a_hard_pattern_hangs_nothing(tmp_path, plain_nats_server):
    """A pattern that is slow on an answer leaves this answer as it is, and the next one is served."""
    slow = json.dumps({"text": "x" * 400_000}).encode()
    with house(tmp_path, plain_nats_server, EXAMPLE) as home:
        process = home.run_module(
            "processors.regex", REGEX_PATTERN=r"(x)(?:[\s\S]*y)?", REGEX_FIELD="egress_payload.text"
        )
        answers(home, slow)
        assert home.post("/json/v1").body == slow
        failed = process.wait_for_log("message not processed")
        assert failed["reason"] == "the search took longer than the time limit"
        answers(home, {"text": "x"})
        assert home.post("/json/v1").json()["regex"]["match"] is True


def test_wrong_config(tmp_path):
    """A config that cannot be used ends it at once."""
    env = environment_of(tmp_path, {"REGEX_PATTERN": "secret("})
    command = [sys.executable, "-m", "processors.regex"]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == "regex: environment: REGEX_PATTERN: must be a regular expression in RE2 syntax (missing ))\n"
