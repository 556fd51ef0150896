from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse

from gecholog.llm.dialects.openai_embeddings import read_request, write_response
from gecholog.llm.embeddings import Embeddings, EmbeddingsRequest
from gecholog.llm.errors import InvalidRequestError, UnsupportedParameterError
from gecholog.llm.usage import Usage


def read(**fields: Any) -> EmbeddingsRequest:
    return read_request({"model": "m", "input": "a"} | fields)


def test_requests() -> None:
    assert read() == EmbeddingsRequest("m", ("a",))
    asked = read(input=["a", "b"], dimensions=3, encoding_format="base64", user="u")
    assert asked == EmbeddingsRequest("m", ("a", "b"), 3, True, {"user": "u"})


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", 5]}, "input[1]"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"dimensions": "3"}, "dimensions"),
    ],
)
def test_wrong_requests_name_the_place(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        read(**fields)
    assert raised.value.param == path


@pytest.mark.parametrize("given", [[1, 2], [[1], [2, 3]]])
def test_numbers_of_tokens_are_refused(given: list[Any]) -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        read(input=given)
    assert raised.value.param == "input"


def test_answers() -> None:
    answer = Embeddings(([0.25, -0.5], [1.0, 2.0]), "own", Usage(prompt_tokens=5))
    written = write_response(answer, read())
    assert [(entry["index"], entry["embedding"]) for entry in written["data"]] == [(0, [0.25, -0.5]), (1, [1.0, 2.0])]
    assert written["usage"] == {"prompt_tokens": 5, "total_tokens": 5}
    assert written["model"] == "own"
    CreateEmbeddingResponse.model_validate(written, strict=True)


def test_vectors_in_base64_are_little_endian_float32() -> None:
    asked = read(encoding_format="base64")
    assert write_response(Embeddings(([0.25, -0.5, 1.0],)), asked)["data"][0]["embedding"] == "AACAPgAAAL8AAIA/"
    assert write_response(Embeddings(([1e300, -1e300],)), asked)["data"][0]["embedding"] == "AACAfwAAgP8="
