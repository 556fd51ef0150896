import json

import pytest

from gecholog.llm.chat_dialect import Target
from gecholog.llm.errors import InvalidRequestError, UnsupportedParameterError
from gecholog.llm.translate import TranslationError
from gecholog.llm.translate_whole import embeddings_translation, images_translation

ASKED = json.dumps({"model": "m", "input": ["a", "b"], "user": "u"}).encode()
PROMPT = json.dumps({"model": "m", "prompt": "a cat", "quality": "high"}).encode()


@pytest.mark.parametrize(
    ("provider", "answer"),
    [
        ("gemini", {"embeddings": [{"values": [1]}, {"values": [2]}]}),
        ("ollama", {"embeddings": [[1], [2]]}),
        ("cohere", {"embeddings": {"float": [[1], [2]]}}),
    ],
)
def test_embeddings(provider: str, answer: object) -> None:
    translation = embeddings_translation(provider, ASKED)
    assert translation.sent(Target("embed")).dropped == ("user",)
    found = json.loads(translation.response(json.dumps(answer).encode(), "application/json"))
    assert [entry["embedding"] for entry in found["data"]] == [[1], [2]]


def test_images() -> None:
    translation = images_translation("gemini", PROMPT, 5)
    sent = translation.sent(Target("imagen-4"))
    assert json.loads(sent.body)["instances"] == [{"prompt": "a cat"}]
    assert sent.dropped == ("quality",)
    answer = {"predictions": [{"bytesBase64Encoded": "aGk="}]}
    assert json.loads(translation.response(json.dumps(answer).encode(), "")) == {
        "created": 5,
        "data": [{"b64_json": "aGk="}],
    }


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"embeddings":[[1]]}'])
def test_an_answer_that_cannot_be_read_is_an_error_of_the_provider(body: bytes) -> None:
    with pytest.raises(TranslationError) as raised:
        embeddings_translation("ollama", ASKED).response(body, "")
    assert raised.value.error.status == 502


def test_errors_have_the_shape_of_the_client() -> None:
    body = b'{"error":{"code":429,"message":"Slow down.","status":"RESOURCE_EXHAUSTED"}}'
    error = json.loads(embeddings_translation("gemini", ASKED).error(429, body))["error"]
    assert error == {"message": "Slow down.", "type": "rate_limit_error", "param": None, "code": "RESOURCE_EXHAUSTED"}


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(InvalidRequestError):
        embeddings_translation("ollama", b"[]")
    with pytest.raises(UnsupportedParameterError):
        embeddings_translation("ollama", b'{"model":"m","input":[1,2]}')
