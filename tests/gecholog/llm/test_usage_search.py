"""Usage found without decoding a body, or without having all of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.event import Event
from gecholog.llm.usage import Usage, usage_of
from gecholog.llm.usage_search import END, search_body, usage_at_ends, usage_in, usage_of_events
from gecholog.rawjson import is_json, is_utf8
from tests.gecholog.llm.samples import ANTHROPIC, CALM, OLLAMA_CHAT, RESPONSES, ndjson, sse, sse_named
from tests.gecholog.llm.test_usage import CHAT, NO_USAGE, SHAPES

BIG = "x" * 300_000
TWISTED = '"usage":{"prompt_tokens":666}},{"usage":{\\' * 3  # text that looks like what is looked for
COUNTED = usage_of({"usage": CHAT})


@pytest.mark.parametrize("name", SHAPES)
def test_in_a_body(name):
    """The same as of the decoded answer."""
    answer, expected = SHAPES[name]
    answer = {"id": "a", "text": TWISTED} | answer
    assert usage_in(json.dumps(answer).encode()) == expected
    assert usage_in(b"\xef\xbb\xbf" + json.dumps(answer | {"x": float("nan")}, indent=1).encode()) == expected


@pytest.mark.parametrize("answer", NO_USAGE)
def test_none_in_a_body(answer):
    assert usage_in(json.dumps(answer).encode()) is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b"text", b'{"usage":', b'{"usage":{"prompt_tokens":1e999}}', b"\xff"]
)
def test_no_answer(body):
    assert usage_in(body) is None


pieces = st.sampled_from(
    [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\x00", b"\xff", b"\\ud8", b"NaN", b"01", b" "]
)
answers = st.sampled_from([*(answer for answer, _ in SHAPES.values()), {}, {"a": ["\ud800é\n", -1.5e3, True, None]}])


@given(answers, st.booleans(), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), pieces), max_size=3))
def test_what_is_json_need_not_be_read_again(answer, ascii_only, changes):
    """What is told to be JSON is JSON, except for the encoding of its strings."""
    body = json.dumps(answer, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    for where, removed, piece in changes:
        at = int(where * len(body))
        body = body[:at] + piece + body[at + removed :]
    found = search_body(body)
    assert found.usage == usage_in(body)
    assert is_json(body) or not is_utf8(body) or not found.is_json


def test_plain_answer_is_json():
    """Of what servers usually send, it is told."""
    assert search_body(json.dumps(SHAPES["chat"][0]).encode()).is_json


def at_ends(body):
    return usage_at_ends(body[:END], body[-END:])


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("order", ["behind", "before", "between"])
def test_large_answers(name, order):
    """Counts before or behind what is large are found, whatever is written in it."""
    answer, expected = SHAPES[name]
    if "predictions" in answer:
        pytest.skip("its counts are inside of what is large")
    large = {"large": BIG + TWISTED + BIG}
    parts = {"behind": large | answer, "before": answer | large, "between": large | answer | {"more": TWISTED}}[order]
    body = json.dumps(parts).encode()
    assert len(body) > 4 * END
    assert at_ends(body) == usage_in(body) == expected


def test_large_answer_in_an_envelope():
    """Cloudflare's answer is in an object of its own."""
    body = json.dumps({"result": {"data": BIG, "usage": CHAT}, "success": True, "errors": []}).encode()
    assert at_ends(body) == usage_in(body) == COUNTED


def test_large_answer_that_is_odd():
    """What is not quite JSON is looked at from its ends if it is large."""
    body = json.dumps({"data": [float("nan"), BIG], "usage": CHAT}).encode()
    assert usage_in(body) == COUNTED


@CALM
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "usage2", "text", "usage"]),
            st.sampled_from([TWISTED, CHAT, {"usage": {"prompt_tokens": 1}}, [{"usage": CHAT}], None, 7, '"', "\\"]),
        ),
        max_size=6,
        unique_by=lambda pair: pair[0],
    ),
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from([None, 1]),
)
def test_ends_tell_what_the_whole_tells(pairs, head, tail, indent):
    """Whatever ends of an answer are there, they tell its usage or nothing."""
    answer = dict(pairs)
    body = json.dumps(answer, indent=indent).encode()
    found = usage_at_ends(body[:head], body[max(head, len(body) - tail) :] if head + tail < len(body) else body)
    whole = usage_of(answer)
    assert found in (None, whole)
    assert usage_in(body) == whole


@CALM
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_ends(head, tail):
    """Nothing raises."""
    usage_at_ends(head, tail)
    usage_at_ends(b"data: " + head, tail)
    usage_at_ends(b"[" + head, tail)
    usage_at_ends(b"{" + head, tail + b"}")
    usage_in(b"{" + head)


FILLER = sse(*({"choices": [{"index": 0, "delta": {"content": TWISTED}}]} for _ in range(3000)))
LONG = sse_named(*({"type": "content_block_delta", "index": 1, "delta": {"text": TWISTED}} for _ in range(3000)))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_long_streams(end):
    """Of a stream the first events and the last are read, and of one that is cut what is at its end."""
    bodies = {
        FILLER + sse({"choices": [], "usage": CHAT}, done=True): COUNTED,
        FILLER + sse({"choices": [], "large": BIG, "usage": CHAT}, done=True): COUNTED,
        sse_named(*ANTHROPIC[:3]) + LONG + sse_named(*ANTHROPIC[3:]): Usage("provider", 32, 42, 74, cached_tokens=7),
        FILLER + sse({"response": {"output": [BIG], "usage": CHAT}}): COUNTED,
        FILLER: None,
    }
    for body, expected in bodies.items():
        assert at_ends(body.replace(b"\n", end)) == expected


def test_long_lines():
    """JSON lines, and a JSON array of chunks."""
    lines = ndjson(*[OLLAMA_CHAT[0]] * 3000, *OLLAMA_CHAT)
    expected = usage_of(OLLAMA_CHAT[-1])
    assert expected is not None
    assert at_ends(lines) == expected
    chunk = {"candidates": [{"content": TWISTED}], "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 9}}
    assert at_ends(json.dumps([chunk] * 3000, indent=2).encode()) == usage_of(chunk)


def test_other_large_bodies():
    """What is neither JSON nor a stream has none."""
    assert at_ends(b"\x89PNG" + b'{"usage":{"prompt_tokens":1}}' * 10000) is None
    assert at_ends(BIG.encode() + b'{"usage":{"prompt_tokens":1}}') is None


def test_events():
    """Of a stream that no dialect knows the counts are taken that are where the known APIs have them."""
    events = [Event("", {"x": 1}), Event("", {"response": {"usage": CHAT}}), Event("", {"usage": {"prompt_tokens": 0}})]
    assert usage_of_events(events) == COUNTED
    assert usage_of_events([Event("", value) for value in RESPONSES]) is not None
    assert usage_of_events([Event("", {"custom_id": "a", "response": {"body": {"usage": CHAT}}})]) is None
