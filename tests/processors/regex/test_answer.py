"""The results of regex, without a bus."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog.message import Response
from gecholog.processor import Processor
from gecholog.rawjson import dumps
from gecholog.testing import ask
from processors.regex.__main__ import build_processor
from processors.regex.answer import answer
from processors.regex.config import from_environment
from tests.gecholog.llm import samples

pytest.importorskip("re2", reason="google-re2 is not installed (the extra regex)")

SAID = 'Here:\n```json\n{"a": 1}\n```\nand\n```json\nnone\n```'
PLAIN = build_processor(from_environment({}))
AS_JSON = build_processor(from_environment({"MATCH_JSON": "true"}))


def chat(text):
    return {"id": "1", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}


def fields(payload, path="/json/", **more):
    return {"gl_path": path, "egress_payload": payload} | more


def sections(processor: Processor, payload, **more):
    return ask(processor, fields(payload, **more))["egress_payload"]["regex"]


def test_sections():
    """The response comes back with the matches in it."""
    written = ask(PLAIN, fields(chat(SAID)))
    assert written == {
        "egress_payload": chat(SAID)
        | {
            "regex": {
                "match": True,
                "sections": [{"text": '{"a": 1}', "object": None}, {"text": "none", "object": None}],
            }
        }
    }


def test_match_json():
    """With MATCH_JSON a section of JSON is added as an object too."""
    assert [section["object"] for section in sections(AS_JSON, chat(SAID))["sections"]] == [{"a": 1}, None]


def test_no_match():
    """If nothing matches, the result says so."""
    assert sections(PLAIN, chat("nothing")) == {"match": False, "sections": []}


@pytest.mark.parametrize(("path", "matches"), [("/json/", False), ("/markdown/", True), ("/other/", True)])
def test_routers(path, matches):
    """Each router has its pattern, and the others have the default one."""
    assert sections(PLAIN, chat("```md\n# Title\n```"), path=path)["match"] is matches


@pytest.mark.parametrize(
    "payload",
    [
        {"content": [{"type": "text", "text": SAID}]},
        {"candidates": [{"content": {"parts": [{"text": SAID}]}}]},
        {"message": {"role": "assistant", "content": SAID}, "done": True},
        {"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": SAID}]}]},
        samples.CHAT_FOLDED | chat(SAID),
    ],
)
def test_each_api(payload):
    """Without a field it searches the text of the API's format."""
    assert len(sections(PLAIN, payload)["sections"]) == 2


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("egress_payload.choices.0.message.content", "needle"),
        ("egress_payload.id", None),
        ("egress_payload.none.here", None),
        ("egress_payload.choices.#", None),
        ("egress_payload.choices", "needle"),
        ("gl_path", None),
        ("not_sent.x", None),
    ],
)
def test_field(field, text):
    """A field is a path in the message. A value that is not a string is searched as JSON."""
    processor = build_processor(from_environment({"REGEX_PATTERN": "needle", "REGEX_FIELD": field}))
    assert [section["text"] for section in sections(processor, chat("a needle"))["sections"]] == (
        [text] if text else []
    )


@pytest.mark.parametrize(
    "message",
    [
        fields("text"),
        fields([1]),
        fields(None),
        {"gl_path": "/json/", "inbound_payload": {}},
        {"gl_path": "/json/", "ingress_payload": chat(SAID)},
        fields(chat(SAID), inbound_headers={"Content-Type": ["text/event-stream; charset=utf-8"]}),
        fields(chat(SAID), inbound_headers={"Content-Type": ["application/x-ndjson"]}),
        fields(chat(SAID), inbound_headers={"Content-Type": ["application/vnd.amazon.eventstream"]}),
    ],
)
def test_nothing_to_write(message):
    """A result can be added only to objects. Requests and streams are not changed."""
    assert ask(PLAIN, message) == {}


def test_no_pattern_for_the_router(tmp_path):
    """Without a default pattern, other routers are not changed."""
    (tmp_path / "c.json").write_text(json.dumps({"patterns": [{"router": "/a/", "regex": "x"}]}))
    processor = build_processor(from_environment({"REGEX_CONFIG": str(tmp_path / "c.json")}))
    assert ask(processor, fields(chat("x"), path="/b/")) == {}
    assert sections(processor, chat("x"), path="/a/")["match"]


def test_the_rest_stays_byte_for_byte():
    """Other members keep their digits, and an earlier `regex` is replaced."""
    message = b'{"gl_path":"/json/","egress_payload":{"n":1.50,"regex":1,"e":1E400,"s":"\\u00e9"}}'
    written = dumps(answer(Response.of(message), from_environment({}), time.monotonic))
    assert written == b'{"egress_payload":{"n":1.50,"regex":{"match":false,"sections":[]},"e":1E400,"s":"\\u00e9"}}'


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(["choices", "content", "message"]), json_values))
def test_any_payload(payload):
    """Whatever the response is, it comes back unchanged except for the result."""
    written = ask(AS_JSON, fields(payload))["egress_payload"]
    assert written.pop("regex")["match"] is False
    assert written == {name: value for name, value in payload.items() if name != "regex"}
