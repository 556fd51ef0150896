"""contentfilter as a program, with a real gateway."""

import importlib.util
import os
from pathlib import Path

import anthropic
import openai
import pytest

from tests.processors.rig import entry, start_stack
from tests.support.nats_server import NatsServer
from tests.support.process import ROOT
from tests.support.waiting import until

EXAMPLE = Path(__file__).parents[3] / "processors" / "contentfilter" / "gl_config.json"
WORD_LIST = {"CLASSIFIER": "processors.contentfilter.lexicon:load"}

needs_the_extra = pytest.mark.skipif(
    importlib.util.find_spec("profanity_check") is None,
    reason="alt-profanity-check is not installed (the extra contentfilter)",
)


def message(text):
    return {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": text}]}


@needs_the_extra
def test_the_call_is_not_made(tmp_path, plain_nats_server):
    """With the example's config the filter responds to a toxic message, and the upstream to the others."""
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        stack.run_module("processors.contentfilter")
        assert stack.post("/dummy/v1", message("Who were the founders of Microsoft?")).json() == {"ok": True}
        assert len(stack.upstream.seen) == 1
        reply = stack.post("/dummy/v1", message("Im sick of this nonsense!"))
        assert (reply.status, reply.json()) == (200, {"is_toxic": True})  # as in the original, because no status is set
        assert len(stack.upstream.seen) == 1
        request = stack.record(reply)["request"]
        assert request["is_toxic"] is True
        assert request["content_filter"]["toxicity"] > 0.7
        assert request["control"] == {"is_toxic": True}


@needs_the_extra
def test_a_long_message(tmp_path, plain_nats_server):
    """One insult in 300 kB is found within the example's timeout. Requests above the limit are refused."""
    half = " ".join(f"Who founded company {number}, and when?" for number in range(4_000))
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        filtering = stack.run_module("processors.contentfilter", MAX_CHARACTERS="350000")
        assert stack.post("/dummy/v1", message(half + half)).json() == {"ok": True}
        assert stack.post("/dummy/v1", message(f"{half} You are an idiot. {half}")).json() == {"is_toxic": True}
        assert stack.post("/dummy/v1", message(half * 3)).status == 503
        assert filtering.wait_for_log("message not processed")["reason"].endswith("longer than MAX_CHARACTERS")
        assert len(stack.upstream.seen) == 1


def test_the_filter_is_away(tmp_path, plain_nats_server):
    """A call that the required filter has not seen is not forwarded."""
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        assert stack.post("/dummy/v1", message("Hello")).status == 503
        filtering = stack.run_module("processors.contentfilter", **WORD_LIST)
        assert stack.post("/dummy/v1", message("Hello")).status == 200
        filtering.close()
        assert stack.post("/dummy/v1", message("Hello")).status == 503
        assert len(stack.upstream.seen) == 1


def test_without_the_extra(tmp_path, plain_nats_server):
    """If the extra is not installed and no other classifier is chosen, the program says what to do, and ends."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['profanity_check'] = None\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        process = stack.run_module("processors.contentfilter", PYTHONPATH=path, listens="")
        assert process.wait() == 2
        assert "pip install -e '.[contentfilter]'" in process.output
        assert "CLASSIFIER=processors.contentfilter.lexicon:load" in process.output
        stack.run_module("processors.contentfilter", PYTHONPATH=path, **WORD_LIST)
        assert stack.post("/dummy/v1", message("You are an idiot")).json() == {"is_toxic": True}


def test_word_list(tmp_path, plain_nats_server):
    """With the word list the record has the labels."""
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        stack.run_module("processors.contentfilter", **WORD_LIST)
        reply = stack.post("/dummy/v1", message("You are an idiot"))
        assert (reply.status, reply.json()) == (200, {"is_toxic": True})
        assert stack.record(reply)["request"]["content_filter"]["insult"] == 0.75


@pytest.fixture(scope="module")
def stopping(tmp_path_factory):
    """Start a stack with the example's config, whose filter responds with status 400."""
    folder = tmp_path_factory.mktemp("stopping")
    bus = NatsServer(folder / "nats", jetstream=False)
    bus.start()
    with start_stack(folder, bus, EXAMPLE) as stack:
        stack.run_module("processors.contentfilter", **WORD_LIST, STATUS_CODE="400")
        yield stack
    bus.kill()


REASON = "Blocked by the content filter: toxicity 0.75 is above the threshold 0.5"
ASKED = {"model": "m", "messages": [{"role": "user", "content": "You are an idiot"}]}


@pytest.mark.parametrize("stream", [False, True])
def test_openai(stopping, stream):
    """OpenAI's SDK raises an error with the reason, for a stream before it begins, and does not retry."""
    before = len(stopping.upstream.seen)
    with (
        openai.OpenAI(api_key="client", base_url=f"http://127.0.0.1:{stopping.gateway.port}/dummy/v1") as client,
        pytest.raises(openai.BadRequestError, match=REASON) as caught,
    ):
        client.chat.completions.create(**ASKED, stream=stream)
    assert (caught.value.type, caught.value.code) == ("invalid_request_error", "content_filter")
    assert caught.value.body["message"] == REASON
    assert len(stopping.upstream.seen) == before


@pytest.mark.parametrize("stream", [False, True])
def test_anthropic(stopping, stream):
    """Anthropic's SDK does the same."""
    with (
        anthropic.Anthropic(api_key="client", base_url=f"http://127.0.0.1:{stopping.gateway.port}/dummy") as client,
        pytest.raises(anthropic.BadRequestError, match=REASON),
    ):
        client.messages.create(**ASKED, max_tokens=10, stream=stream)


def test_error_in_the_record(stopping):
    """The body is `control`, with the original's field."""
    reply = stopping.post("/dummy/v1/chat/completions", ASKED)
    assert (reply.status, reply.value("Content-Type")) == (400, "application/json")
    assert reply.json()["is_toxic"] is True
    record = stopping.record(reply)
    assert record["request"]["control"] == record["response"]["egress_payload"] == reply.json()
    assert record["response"]["egress_status_code"] == 400


def test_entry_of_the_original(tmp_path, plain_nats_server):
    """Without `control_status_code` in `output_fields_write` the status stays 200."""
    fields = ["control", "content_filter", "is_toxic"]
    rows = [[entry("contentfilter", required=True, output_fields_write=fields)]]
    with start_stack(tmp_path, plain_nats_server, request={"processors": rows}) as stack:
        stack.run_module("processors.contentfilter", **WORD_LIST, STATUS_CODE="400")
        reply = stack.post("/service/v1", ASKED)
        assert (reply.status, reply.json()["is_toxic"]) == (200, True)


def test_answers_are_classified(tmp_path, plain_nats_server):
    """With the example's config the record has the scores of the response, and the response is not changed."""
    answer = b'{"choices":[{"message":{"role":"assistant","content":"You are an idiot"}}]}'
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        stack.run_module("processors.contentfilter", **WORD_LIST)
        stack.upstream.behaviour = lambda talk: talk.reply(answer)
        reply = stack.post("/dummy/v1", message("Hello"))
        assert reply.body == answer
        record = stack.record(reply)
        assert (record["request"]["is_toxic"], record["response"]["is_toxic"]) == (False, True)


def test_without_a_body(tmp_path, plain_nats_server):
    """A call without text is forwarded although the filter is required."""
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        stack.run_module("processors.contentfilter", **WORD_LIST)
        assert stack.gateway.call("GET", "/dummy/models").status == 200


def test_a_classifier_of_ones_own(tmp_path, plain_nats_server):
    """A custom module is loaded once, before the first message."""
    (tmp_path / "lizards.py").write_text(
        "def load():\n    print('loaded', flush=True)\n"
        "    return lambda texts: {'lizards': [float('lizard' in text) for text in texts]}\n"
    )
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    with start_stack(tmp_path, plain_nats_server, EXAMPLE) as stack:
        process = stack.run_module("processors.contentfilter", PYTHONPATH=path, CLASSIFIER="lizards:load", listens="")
        stack.answers("coburn.gl.contentfilter")
        assert stack.post("/dummy/v1", message("You are an idiot")).json() == {"ok": True}
        assert stack.post("/dummy/v1", message("a lizard")).json() == {"is_toxic": True}
        until(lambda: "loaded\n" in process.lines, "its word")
        until(lambda: "loaded\n" in process.lines, "its word")
        assert process.lines.count("loaded\n") == 1
