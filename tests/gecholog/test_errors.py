"""The errors say where and what, and carry their data."""

import pytest

from gecholog.errors import ConfigError, GechologError, MessageTooLarge, Problem


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a[2].b", "is missing", 7), "a[2].b (line 7): is missing"),
        (Problem("a", "is missing"), "a: is missing"),
        (Problem("", "is not JSON"), "file: is not JSON"),
        (Problem("", "is not JSON", 1), "file (line 1): is not JSON"),
    ],
)
def test_problem(problem, text):
    """A problem as people read it."""
    assert str(problem) == text


def test_config_error():
    """All problems are in the message, and there as data."""
    problems = [Problem("a", "is missing", 1), Problem("", "is odd")]
    error = ConfigError("f.json", iter(problems))
    assert str(error) == "f.json: a (line 1): is missing; file: is odd"
    assert error.problems == tuple(problems)
    assert isinstance(error, GechologError)


def test_message_too_large():
    error = MessageTooLarge(11, 10)
    assert (error.size, error.limit, str(error)) == (11, 10, "message of 11 bytes, the bus takes 10")
