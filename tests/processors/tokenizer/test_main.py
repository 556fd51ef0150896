"""tokenizer as a program, with a real gateway."""

import os
from pathlib import Path

from tests.gecholog.llm import samples
from tests.processors.rig import start_stack
from tests.support.process import ROOT

EXAMPLE = Path(__file__).parents[3] / "processors" / "tokenizer" / "gl_config.json"
HELLO = {"messages": [{"role": "user", "content": "Hello there"}]}


def test_in_the_record(tmp_path, plain_nats_server):
    """With the example's config each record has the counts of request and response. Several instances may run."""
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        stack.run_module("processors.tokenizer")
        stack.run_module("processors.tokenizer")
        stack.upstream.behaviour = lambda talk: talk.reply(b'{"choices":[{"message":{"content":"Hi, you"}}]}')
        for _ in range(5):
            record = stack.record(stack.post("/dummy/v1", HELLO))
            assert record["request"]["tokenizer"] == {"pieces": 2}
            assert record["response"]["tokenizer"] == {"pieces": 3}


def test_a_stream(tmp_path, plain_nats_server):
    """The text of a stream is counted at its end, and the stream is not changed."""
    events = samples.sse(*samples.CHAT, done=True)
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        stack.run_module("processors.tokenizer", TOKENIZER_NAME="mine")
        stack.upstream.behaviour = lambda talk: talk.reply(events, kind=samples.SSE)
        reply = stack.post("/dummy/v1", HELLO)
        assert reply.body == events
        assert stack.record(reply)["response"]["tokenizer"]["mine"] > 3


def test_a_tokenizer_of_ones_own(tmp_path, plain_nats_server):
    """The serving process loads it, and a health check does not."""
    made = tmp_path / "made"
    (tmp_path / "letters_of_tests.py").write_text(
        f"open({str(made)!r}, 'a').write('x')\n\ndef load():\n    return len\n"
    )
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    variables = {"PYTHONPATH": path, "TOKENIZER": "letters_of_tests:load"}
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        stack.run_module("processors.tokenizer", **variables)
        assert stack.record(stack.post("/dummy/v1", HELLO))["request"]["tokenizer"] == {"len": len("Hello there")}
        assert stack.run_module("processors.tokenizer", "--healthcheck", listens="", **variables).wait() == 0
    assert made.read_text() == "x"
