"""The bodies of gl's own errors."""

import json

import pytest

from services.gl.errors import ErrorFormat, body, format_for


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/dummy/v1/chat/completions", {}, ErrorFormat.OPENAI),
        ("/dummy/v1/messages", {}, ErrorFormat.ANTHROPIC),
        ("/dummy/v1/messages/count_tokens", {}, ErrorFormat.ANTHROPIC),
        ("/nowhere", {"Anthropic-Version": ["2023-06-01"]}, ErrorFormat.ANTHROPIC),
        ("/v1/threads/messages-of-mine", {}, ErrorFormat.OPENAI),
    ],
)
def test_format_by_the_request(path, headers, expected):
    """The API that a request speaks is told by its path or its version header."""
    assert format_for(ErrorFormat.AUTO, path, headers) is expected


@pytest.mark.parametrize("chosen", [ErrorFormat.PLAIN, ErrorFormat.OPENAI, ErrorFormat.ANTHROPIC])
def test_format_that_was_chosen(chosen):
    """A config that names one has it for all requests."""
    assert format_for(chosen, "/v1/messages", {"Anthropic-Version": ["1"]}) is chosen


@pytest.mark.parametrize(
    ("shape", "status", "expected"),
    [
        (ErrorFormat.PLAIN, 404, {"error": "text"}),
        (
            ErrorFormat.OPENAI,
            404,
            {"error": {"message": "text", "type": "not_found_error", "param": None, "code": "no_router"}},
        ),
        (ErrorFormat.ANTHROPIC, 413, {"type": "error", "error": {"type": "request_too_large", "message": "text"}}),
        (ErrorFormat.ANTHROPIC, 400, {"type": "error", "error": {"type": "invalid_request_error", "message": "text"}}),
        (ErrorFormat.ANTHROPIC, 502, {"type": "error", "error": {"type": "api_error", "message": "text"}}),
    ],
)
def test_bodies(shape, status, expected):
    """Each SDK finds the message where it looks for it."""
    assert json.loads(body(shape, status, "text", "no_router")) == expected
