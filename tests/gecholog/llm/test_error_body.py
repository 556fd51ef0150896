import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.error_body import error_of_any_shape, json_object
from gecholog.llm.errors import ErrorInfo


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "no such model", "code": 404}}', "no such model"),
        (b'{"error": "model not found"}', "model not found"),
        (b'{"message": "Too many requests"}', "Too many requests"),
        (b'[{"error": {"message": "in a list"}}]', "in a list"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b"<html>\n<h1>Bad   gateway</h1>", "<html> <h1>Bad gateway</h1>"),
        (b"", "status 503 without a body"),
    ],
)
def test_the_message_is_found(body: bytes, message: str) -> None:
    assert error_of_any_shape(503, body).message == message


def test_type_and_code_are_kept_if_they_are_texts() -> None:
    body = b'{"error": {"message": "m", "type": "insufficient_quota", "code": "insufficient_quota"}}'
    assert error_of_any_shape(429, body) == ErrorInfo(429, "m", "insufficient_quota", "insufficient_quota")


@given(st.binary())
def test_any_body_has_a_message(body: bytes) -> None:
    assert error_of_any_shape(500, body).message
    assert isinstance(json_object(body), dict | None)
