"""The limit of output tokens."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.errors import InvalidRequestError
from gecholog.llm.output_limit import has_output, with_cap

CHAT = "/v1/chat/completions"
PLACES = {
    CHAT: ("max_tokens",),
    "/v1/completions": ("max_tokens",),
    "/v1/responses": ("max_output_tokens",),
    "/v1/messages": ("max_tokens",),
    "/v1beta/models/gemini:generateContent": ("generationConfig", "maxOutputTokens"),
    "/v1beta/models/gemini:streamGenerateContent": ("generationConfig", "maxOutputTokens"),
    "/api/chat": ("options", "num_predict"),
    "/api/generate": ("options", "num_predict"),
    "/model/x/converse": ("inferenceConfig", "maxTokens"),
    "/v2/chat": ("max_tokens",),
}


def nested(place, value):
    return {place[0]: nested(place[1:], value)} if place else value


@pytest.mark.parametrize(("path", "place"), PLACES.items())
@given(st.dictionaries(st.sampled_from(["model", "messages", "stream"]), st.integers(0, 9), max_size=3))
def test_a_request_without_a_limit_gets_the_cap(path, place, fields):
    body = json.dumps(fields).encode()
    assert json.loads(with_cap(body, path, 100)) == fields | nested(place, 100)


@pytest.mark.parametrize(
    "path", ["/V1/Chat/Completions", "/v1/chat/complet%69ons", "/v1//chat//completions//", CHAT + "%2F"]
)
def test_the_endpoint_is_told_however_its_path_is_written(path):
    assert has_output(path)
    with pytest.raises(InvalidRequestError):
        with_cap(b'{"max_tokens":101}', path, 100)


@pytest.mark.parametrize(("path", "place"), PLACES.items())
@pytest.mark.parametrize("value", [0, 1, 100, 99.5])
def test_a_lower_limit_stays_byte_for_byte(path, place, value):
    body = b" " + json.dumps({"a": 1} | nested(place, value)).encode()
    assert with_cap(body, path, 100) is body


@pytest.mark.parametrize(("path", "place"), PLACES.items())
@pytest.mark.parametrize("value", [101, 1e30, -1, "5", True, [1]])
def test_a_higher_limit_or_one_that_servers_may_read_otherwise_is_refused(path, place, value):
    with pytest.raises(InvalidRequestError) as caught:
        with_cap(json.dumps(nested(place, value)).encode(), path, 100)
    assert caught.value.param == place[-1]


@pytest.mark.parametrize(("path", "place"), PLACES.items())
def test_null_is_no_limit(path, place):
    assert json.loads(with_cap(json.dumps(nested(place, None)).encode(), path, 7)) == nested(place, 7)


def test_an_object_around_it_that_is_null_or_has_other_members():
    path = "/m:generateContent"
    assert json.loads(with_cap(b'{"generationConfig":null}', path, 7)) == {"generationConfig": {"maxOutputTokens": 7}}
    changed = with_cap(b'{"generationConfig": {"topK": 1 } , "z":1}', path, 7)
    assert changed == b'{"generationConfig": {"topK": 1,"maxOutputTokens":7 } , "z":1}'


@pytest.mark.parametrize("name", ["Max_Tokens", "max_completion_tokens", "maxTokens", "max\\u005ftokens"])
def test_names_as_servers_may_read_them(name):
    with pytest.raises(InvalidRequestError):
        with_cap(f'{{"{name}": 1000}}'.encode(), CHAT, 100)


def test_a_name_that_comes_twice_is_refused():
    """Which of them counts differs."""
    with pytest.raises(InvalidRequestError, match="once"):
        with_cap(b'{"max_tokens": 1, "max_tokens": null}', CHAT, 100)


def test_newer_models_of_openai_take_another_name():
    assert json.loads(with_cap(b"{}", CHAT, 5, of_openai=True)) == {"max_completion_tokens": 5}
    assert json.loads(with_cap(b"{}", "/v1/completions", 5, of_openai=True)) == {"max_tokens": 5}
    body = b'{"max_tokens": 3}'
    assert with_cap(body, CHAT, 5, of_openai=True) is body


@pytest.mark.parametrize("body", [b"", b"[]", b"text"])
def test_what_cannot_be_read_is_refused(body):
    with pytest.raises(InvalidRequestError):
        with_cap(body, CHAT, 100)


def test_utf_16_is_read_as_well():
    with pytest.raises(InvalidRequestError):
        with_cap('{"max_tokens": 1000}'.encode("utf-16"), CHAT, 100)
    assert json.loads(with_cap("{}".encode("utf-16"), CHAT, 9)) == {"max_tokens": 9}


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/models", "/v1/messages/count_tokens"])
def test_other_endpoints(path):
    assert not has_output(path)
    assert with_cap(b"anything", path, 1) == b"anything"
