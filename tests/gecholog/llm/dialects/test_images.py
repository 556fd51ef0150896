from contextlib import suppress
from typing import Any

import pytest
from openai.types import ImagesResponse

from gecholog.llm.chat import Image
from gecholog.llm.chat_dialect import Target
from gecholog.llm.dialects import openai_images
from gecholog.llm.dialects.gemini import imagen
from gecholog.llm.errors import InvalidResponseError, UnsupportedParameterError
from gecholog.llm.images import Images, ImagesRequest
from tests.gecholog.llm.fuzz import mutated

ANSWER = {"predictions": [{"bytesBase64Encoded": "aGk=", "mimeType": "image/jpeg"}, {"raiFilteredReason": "x"}]}


def read(**fields: Any) -> ImagesRequest:
    return openai_images.read_request({"model": "m", "prompt": "a cat"} | fields)


def test_requests() -> None:
    assert read() == ImagesRequest("m", "a cat")
    asked = read(n=2, size="1792x1024", output_format="jpeg", response_format="b64_json", quality="high")
    assert asked == ImagesRequest("m", "a cat", 2, "1792x1024", "image/jpeg", {"quality": "high"})
    assert read(size="auto").size == ""


@pytest.mark.parametrize(
    ("fields", "param"), [({"stream": True}, "stream"), ({"response_format": "url"}, "response_format")]
)
def test_what_cannot_be_had_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        read(**fields)
    assert raised.value.param == param


@pytest.mark.parametrize(
    ("size", "ratio"), [("1024x1024", "1:1"), ("1792x1024", "16:9"), ("1024x1536", "3:4"), ("1536x1024", "4:3")]
)
def test_imagen_gets_the_nearest_ratio(size: str, ratio: str) -> None:
    written = imagen.write_request(read(size=size, n=2, style="vivid"), Target("imagen-4"))
    assert written.body == {"instances": [{"prompt": "a cat"}], "parameters": {"sampleCount": 2, "aspectRatio": ratio}}
    assert written.dropped == ("style",)


@pytest.mark.parametrize(
    ("fields", "param"), [({"size": "huge"}, "size"), ({"output_format": "webp"}, "output_format")]
)
def test_what_imagen_cannot_make_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        imagen.write_request(read(**fields), Target("imagen-4"))
    assert raised.value.param == param


def test_answers() -> None:
    found = imagen.read_response(ANSWER)
    assert found == Images((Image("aGk=", "image/jpeg"),))
    written = openai_images.write_response(found, 5)
    assert written == {"created": 5, "data": [{"b64_json": "aGk="}]}
    ImagesResponse.model_validate(written, strict=True)


def test_any_answer_is_read_or_refused() -> None:
    for value in mutated([ANSWER], 500):
        if isinstance(value, dict):
            with suppress(InvalidResponseError):
                imagen.read_response(value)
