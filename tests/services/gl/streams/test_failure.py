"""Streams of nothing but errors."""

from services.gl import streams
from tests.services.gl.streams.samples import SSE, named, sse


def test_error_alone():
    """The answer is the error object."""
    assert streams.fold(sse({"error": {"message": "no"}}), SSE, completed=True) == {"error": {"message": "no"}}


def test_error_of_anthropic():
    """Anthropic's error has a type beside it."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert streams.fold(named(error), SSE, completed=True) == error
