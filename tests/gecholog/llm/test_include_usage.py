"""The question for usage, put into a request."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import llm
from tests.gecholog.llm.samples import CALM

ASKED = b'{"include_usage":true}'
CHAT, LEGACY = "/v1/chat/completions", "/v1/completions"


def asked(body):
    """The request with the question, at the path that its body is for."""
    return llm.usage_request(body, LEGACY if b'"prompt"' in body and b'"messages"' not in body else CHAT)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"messages":[],"stream":true}',
            b'{"messages":[],"stream":true,"stream_options":{"include_usage":true}}',
        ),
        (
            b' {\n  "prompt": "a",\n  "stream": true\n}\n',
            b' {\n  "prompt": "a",\n  "stream": true,"stream_options":{"include_usage":true}\n}\n',
        ),
        (
            b'{"stream_options": null, "messages":[],"stream":true}',
            b'{"stream_options": {"include_usage":true}, "messages":[],"stream":true}',
        ),
        (
            b'{"stream_options": { } , "messages":[],"stream":true}',
            b'{"stream_options": {"include_usage":true } , "messages":[],"stream":true}',
        ),
        (
            b'{"messages":["\xc3\xbc\\ud800"],"stream":true,"stream_options":{"a": 1}}',
            b'{"messages":["\xc3\xbc\\ud800"],"stream":true,"stream_options":{"include_usage":true,"a": 1}}',
        ),
        (
            b'{"messages":[1e999,1.0],"stream":true,"stream_options":{"a":1,"include_usage" : false}}',
            b'{"messages":[1e999,1.0],"stream":true,"stream_options":{"a":1,"include_usage" : true}}',
        ),
        (
            b'{"messages":[],"stream":true,"stream_options":{"include_usage":null}}',
            b'{"messages":[],"stream":true,"stream_options":{"include_usage":true}}',
        ),
        (
            b'{"messages":[],"str\\u0065am":true}',
            b'{"messages":[],"str\\u0065am":true,"stream_options":{"include_usage":true}}',
        ),
        (
            b'{"messages":[{"stream_options":{}}],"stream":true,"stream_options":{"include_usage":true},"stream_options":{}}',
            b'{"messages":[{"stream_options":{}}],"stream":true,"stream_options":{"include_usage":true},"stream_options":'
            + ASKED
            + b"}",
        ),
    ],
)
def test_question_is_put(body, expected):
    """Only the question is added; every other byte stays."""
    assert asked(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"not JSON",
        b"\xff",
        b'{"messages":[]}',
        b'{"messages":[],"stream":false}',
        b'{"messages":[],"stream":"false"}',
        b'{"messages":[],"stream":0}',
        b'{"messages":[],"stream":{}}',
        b'{"messages":[],"stream":true,"stream":false}',
        b'{"input":"a","stream":true}',
        b'{"messages":[],"stream":true,"stream_options":{"include_usage":true}}',
        b'{"messages":[],"stream":true,"stream_options":"yes"}',
        b'{"messages":[],"stream":true,"stream_options":{"include_usage":"yes"}}',
        b'{"messages":[],"stream":true}{}',
        b'{"messages":[],"stream":true,"data_sources":[{"type":"azure_search"}]}',
    ],
)
def test_nothing_to_change(body):
    """Requests of other kinds, those that ask already, and those that must not ask stay as they are."""
    assert asked(body) is None


NAMES = st.sampled_from(["messages", "prompt", "stream", "stream_options", "include_usage", "x", 'q"', "\u00fc"])
VALUES = st.recursive(
    st.sampled_from([True, False, None, 1, -1.5e300, "", "},{", '"\\', "\U0001f30d"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)
OPTIONS = st.dictionaries(NAMES, st.sampled_from([True, False, None, "x", {}]), max_size=4)
BODIES = st.dictionaries(NAMES, VALUES | OPTIONS, max_size=7).map(lambda body: {**body, "messages": [], "stream": True})


@CALM
@given(BODIES | VALUES, st.sampled_from([None, 0, 3]), st.booleans())
def test_any_request(body, indent, ascii_only):
    """The request means the same but for the question, and is asked only once."""
    asking = llm.usage_request(json.dumps(body, indent=indent, ensure_ascii=ascii_only).encode(), CHAT)
    if asking is not None:
        options = {**(body.get("stream_options") or {}), "include_usage": True}
        assert json.loads(asking) == {**body, "stream_options": options}
        assert llm.usage_request(asking, CHAT) is None


@CALM
@given(st.binary())
def test_any_bytes(data):
    """Nothing raises."""
    assert llm.usage_request(data, CHAT) is None or data.startswith(b"{")


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("/v1/chat/completions", "messages"),
        ("/openai/deployments/gpt-4o/chat/completions", "messages"),
        ("/v1beta/openai/chat/completions/", "messages"),
        ("/V1/Chat/Completions", "messages"),
        ("/v1/%63hat/completion%73", "messages"),
        ("/v1/chat%2Fcompletions", "messages"),
        ("/v1/chat//completions//", "messages"),
        ("/v1/chat;a=b/completions;c", "messages"),
        ("/completions", "prompt"),
        ("/v1/completions", "prompt"),
        ("/openai/deployments/davinci/completions", "prompt"),
    ],
)
def test_paths_that_are_asked(path, member):
    """Chat completions and legacy completions are told by the end of the path, and each has its member."""
    body = json.dumps({member: [], "stream": True}).encode()
    assert llm.accepts_include_usage("api.openai.com", path, {"Authorization": ["x"]})
    assert llm.usage_request(body, path) is not None
    other = "prompt" if member == "messages" else "messages"
    assert llm.usage_request(json.dumps({other: [], "stream": True}).encode(), path) is None


@pytest.mark.parametrize(
    ("host", "path", "headers"),
    [
        ("api.anthropic.com", "/v1/messages", {}),
        ("gateway", "/v1/chat/completions", {"Anthropic-Version": ["2023-06-01"]}),
        ("localhost", "/api/chat", {}),
        ("localhost", "/api/generate", {}),
        ("api.cohere.com", "/v2/chat", {}),
        ("api.openai.com", "/v1/responses", {}),
        ("generativelanguage.googleapis.com", "/v1beta/models/gemini:streamGenerateContent", {}),
        ("api.mistral.ai", "/v1/chat/completions", {}),
        ("mistral.ai", "/v1/chat/completions", {}),
        ("proxy", "/v1/fim/completions", {}),
        ("proxy", "/v1/agents/completions", {}),
        ("api.openai.com", "/v1/chat/completions/chatcmpl-1", {}),
        ("host", "", {}),
        ("host", "/", {}),
    ],
)
def test_targets_that_are_not_asked(host, path, headers):
    """Other APIs refuse a member that they do not know, although their requests look alike."""
    assert not llm.accepts_include_usage(host, path, headers)


def test_question_in_options_behind_others_of_the_name():
    """Of several places with the name the one at the top level is changed."""
    body = b'{"stream_options":{"x":1},"stream":true,"messages":[{"stream_options":{"x":1}}]}'
    expected = b'{"stream_options":{"include_usage":true,"x":1},"stream":true,"messages":[{"stream_options":{"x":1}}]}'
    assert asked(body) == expected


def test_half_an_emoji_in_a_large_body():
    """Whatever its size, a request with half a character is asked, and the half goes on."""
    half = b'"\\ud83d"'
    for space in (b"", b" " * 2_000_000):
        body = b'{"messages":[' + half + space + b'],"stream":true}'
        assert asked(body) == body[:-1] + b',"stream_options":' + ASKED + b"}"


@pytest.mark.parametrize("yes", [b"1", b"1.0", b'"true"', b'"True"', b'"on"', b'"yes"', b'"1"'])
def test_servers_that_are_lenient_about_truth_values(yes):
    """What some server takes for `true` asks for a stream, and so has to ask for its usage."""
    assert asked(b'{"messages":[],"stream":' + yes + b"}").endswith(b',"stream_options":' + ASKED + b"}")


@pytest.mark.parametrize("no", [b"0", b"0.0", b'"false"', b'"False"', b'"off"', b'"no"', b'"0"'])
def test_servers_that_are_lenient_about_false(no):
    """What some server takes for `false` does not ask for usage."""
    body = b'{"messages":[],"stream":true,"stream_options":{"include_usage":' + no + b"}}"
    assert asked(body) == body.replace(no, b"true")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_other_encodings(encoding):
    """Servers in Python read UTF-16 and a byte order mark: the question goes out in UTF-8, with all that was said."""
    text = '{"messages":["\u00fc"],"stream":true}'
    assert asked(text.encode(encoding)) == text[:-1].encode() + b',"stream_options":' + ASKED + b"}"


@pytest.mark.parametrize("member", [b'"temperature":NaN', b'"a":-Infinity', b'"a":"\xff"', b'"a":"x\ty"'])
@pytest.mark.parametrize("options", [b"", b',"stream_options":{"include_usage":false}'])
def test_requests_that_are_a_little_off(member, options):
    """What is not strict JSON, and is read by some servers, is asked and goes on byte for byte."""
    body = b'{"messages":[],"stream":true,' + member + options + b"}"
    expected = body.replace(b"false", b"true") if options else body[:-1] + b',"stream_options":' + ASKED + b"}"
    assert asked(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[],"stream":true,"stream_opt\\u0069ons":{"include_usage":false}}',
        b'{"messages":[],"stream":true,"stream_options":{"include_us\\u0061ge":false}}',
        b'{"messages":[],"stream":true,"stream_opt\\u0069ons":{"x":1,"include_us\\u0061ge":false}}',
    ],
)
def test_names_with_escapes(body):
    """Where the name is not found, the question stands last: that one counts."""
    before = json.loads(body)
    options = before["stream_options"] | {"include_usage": True}
    assert json.loads(asked(body)) == before | {"stream_options": options}
