"""How many tokens a request may use."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.request_size import output_tokens, prompt_tokens

ANY_JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


def body(**fields):
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}).encode()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, 1024),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 0}, 0),
        ({"max_output_tokens": 70000}, 70000),
        ({"generationConfig": {"maxOutputTokens": 7, "candidateCount": 2}}, 14),
        ({"options": {"num_predict": 9}}, 9),
        ({"options": {"num_predict": -1}}, 1024),
        ({"inferenceConfig": {"maxTokens": 8}}, 8),
        ({"textGenerationConfig": {"maxTokenCount": 8}}, 8),
        ({"max_gen_len": 8}, 8),
        ({"imageGenerationConfig": {"numberOfImages": 2}}, 2048),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "n": 3}, 15),
        ({"max_tokens": "5"}, 1024),
        ({"max_tokens": "5000"}, 5000),
        ({"max_tokens": 5, "n": "3"}, 15),
        ({"max_tokens": 5, "best_of": 4, "n": 2}, 20),
        ({"max_tokens": 6.0}, 6),
        ({"max_tokens": None, "n": None}, 1024),
        ({"n": 0}, 1024),
        ({"prompt": 'write {"max_tokens": 1}'}, 1024),
    ],
)
def test_output(fields, expected):
    assert output_tokens(body(**fields), 1024) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"max_tokens": 5, "max_tokens": 6', 6),
        ('"max_tokens": 6, "max_tokens": 5', 6),
        ('"max_tokens"\n:\t6', 6),
        ('"max_tokens": 1e6', 1_000_000),
        ('"max_tokens": 1E400', 2**40),
        ('"max_tokens": 1, "m\\u0061x\\u005ftokens": 7', 7),
        ('"text": "\\ud800", "max_tokens": 1, "m\\u0061x\\u005Ftokens": 7', 7),
        ('"text": "\\u0041", "max_tokens": 8', 8),
        ('"text": "\\u0041", broken "max_tokens": 8', 8),
    ],
)
def test_spellings(text, expected):
    """However a limit is written, a reservation does not fall below it."""
    assert output_tokens(f"{{{text}}}".encode(), 1024) == expected


def test_limits_anywhere_in_a_large_body():
    filling = [{"role": "user", "content": "word " * 200_000}]
    assert output_tokens(json.dumps({"max_tokens": 3, "messages": filling}).encode(), 1024) == 3
    assert output_tokens(json.dumps({"messages": filling, "max_tokens": 4}).encode(), 1024) == 4
    hidden = {"max_tokens": 3, "messages": filling, "max_completion_tokens": 9000, "tools": filling}
    assert output_tokens(json.dumps(hidden).encode(), 1024) == 9000


def test_an_image_is_not_text():
    """A megabyte in base64 is some tens of thousands of tokens, not hundreds of thousands."""
    image = body(image="data:image/png;base64," + "iVBORw0KGgo" * 100_000)
    assert 20_000 < prompt_tokens(image) < 40_000


BASE64 = "iVBORw0KGgo" * 100_000


@pytest.mark.parametrize(
    "fields",
    [
        {"content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}}]},
        {"content": [{"type": "input_audio", "input_audio": {"data": BASE64, "format": "mp3"}}]},
        {"content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}}]},
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": BASE64}}]}]},
        {"content": [{"image": {"format": "png", "source": {"bytes": BASE64}}}]},
        {"images": [BASE64[: len(BASE64) // 3]] * 3},
        {"content": [{"type": "input_file", "file_data": f"data:application/pdf;base64,{BASE64}"}]},
    ],
    ids=["openai", "sound", "anthropic", "gemini", "bedrock", "ollama", "responses"],
)
@pytest.mark.parametrize("indent", [None, 1], ids=["dense", "indented"])
def test_encoded_data_of_each_api(fields, indent):
    assert 25_000 < prompt_tokens(json.dumps(fields, indent=indent).encode()) < 40_000


@pytest.mark.parametrize(
    "fields",
    [
        {"content": "TheQuickBrownFox" * 10_000},
        {"content": "data:text/plain;base64," + "TheQuickBrownFox" * 10_000},
        {"content": [{"type": "text", "text": "1+1_" * 40_000}]},
        {"image_url": BASE64, "input": ["x", "TheQuickBrownFox" * 10_000]},
        {"data": "x", "content": "TheQuickBrownFox" * 10_000},
    ],
    ids=["text", "like a URL", "in a part", "after an image", "after data"],
)
def test_text_without_spaces_is_text(fields):
    """A client must not get a prompt for a tenth of what it costs."""
    assert prompt_tokens(json.dumps(fields).encode()) > 50_000


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["dense", "spaced"])
def test_a_prompt_of_tokens(separators):
    """Each is one, however few bytes it has."""
    tokens = prompt_tokens(json.dumps({"input": [7] * 100_000}, separators=separators).encode())
    assert 99_000 < tokens < 102_000


def test_a_file_in_a_form_is_not_text():
    """Four megabytes of sound."""
    sound = b"--x\r\nContent-Disposition: form-data\r\n\r\n" + bytes(range(256)) * 16_000 + b"\r\n--x--"
    assert prompt_tokens(sound) < 120_000


@pytest.mark.parametrize("text", ["word " * 10_000, "\u4e2d\u6587" * 10_000])
def test_text_is_not_taken_for_an_image(text):
    """A token a word or a character, also where it is written without spaces, escaped or not."""
    tokens = 10_000 if text.isascii() else 20_000
    for data in (json.dumps({"content": text}).encode(), json.dumps({"content": text}, ensure_ascii=False).encode()):
        assert prompt_tokens(data) >= tokens


@given(st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body(data):
    """Whatever a client sends."""
    assert prompt_tokens(data) >= 1
    assert output_tokens(data, 16) >= 0
