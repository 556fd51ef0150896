"""How many images an answer has."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.image_count import count_images


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ({"created": 1, "data": [{"b64_json": "AAAA"}, {"url": "https://a.test"}]}, 2),
        ({"data": []}, 0),
        ({"predictions": [{"bytesBase64Encoded": "AAAA", "mimeType": "image/png"}]}, 1),
        ({"data": "none"}, None),
        ({"data": [], "error": {"message": "no"}}, None),
        ({"choices": []}, None),
    ],
)
def test_answers(answer, number):
    assert count_images(json.dumps(answer).encode()) == number


@given(st.binary())
def test_any_bytes(data):
    assert count_images(data) is None or data.lstrip().startswith(b"{")
