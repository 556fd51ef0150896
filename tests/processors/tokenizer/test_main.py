"""tokenizer as a program, beside a real gateway."""

import os
from pathlib import Path

from tests.gecholog.llm import samples
from tests.processors.rig import house
from tests.support.process import ROOT

EXAMPLE = Path(__file__).parents[3] / "processors" / "tokenizer" / "gl_config.json"
HELLO = {"messages": [{"role": "user", "content": "Hello there"}]}


def test_in_the_record(tmp_path, plain_nats_server):
    """With the example's config each record has the counts of request and answer; several of it may run."""
    with house(tmp_path, plain_nats_server, EXAMPLE) as home:
        home.run_module("processors.tokenizer")
        home.run_module("processors.tokenizer")
        home.upstream.behaviour = lambda talk: talk.reply(b'{"choices":[{"message":{"content":"Hi, you"}}]}')
        for _ in range(5):
            record = home.record(home.post("/dummy/v1", HELLO))
            assert record["request"]["tokenizer"] == {"pieces": 2}
            assert record["response"]["tokenizer"] == {"pieces": 3}


def test_a_stream(tmp_path, plain_nats_server):
    """The words of a stream are counted when it is over, and it goes out as it came."""
    events = samples.sse(*samples.CHAT, done=True)
    with house(tmp_path, plain_nats_server, EXAMPLE) as home:
        home.run_module("processors.tokenizer", TOKENIZER_NAME="mine")
        home.upstream.behaviour = lambda talk: talk.reply(events, kind=samples.SSE)
        reply = home.post("/dummy/v1", HELLO)
        assert reply.body == events
        assert home.record(reply)["response"]["tokenizer"]["mine"] > 3


def test_a_tokenizer_of_ones_own(tmp_path, plain_nats_server):
    """It is loaded by the program that serves, and a health check does without it."""
    made = tmp_path / "made"
    (tmp_path / "letters_of_tests.py").write_text(
        f"open({str(made)!r}, 'a').write('x')\n\ndef load():\n    return len\n"
    )
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    variables = {"PYTHONPATH": path, "TOKENIZER": "letters_of_tests:load"}
    with house(tmp_path, plain_nats_server, EXAMPLE) as home:
        home.run_module("processors.tokenizer", **variables)
        assert home.record(home.post("/dummy/v1", HELLO))["request"]["tokenizer"] == {"len": len("Hello there")}
        assert home.run_module("processors.tokenizer", "--healthcheck", listens="", **variables).wait() == 0
    assert made.read_text() == "x"
