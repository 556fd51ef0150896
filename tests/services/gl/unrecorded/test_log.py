"""The log of requests that reach no router: one line a path from time to time, however many come."""

import pytest

from gecholog.headers import MASK
from services.gl.unrecorded.counts import OTHERS, Unrecorded, UnrecordedCount, shown


def test_the_first_request_is_logged_and_the_rest_counted():
    """Each path and status has its own count, told once."""
    unrecorded = Unrecorded()
    assert unrecorded.observe("/a", 404) == UnrecordedCount("/a", 404, 1)
    assert unrecorded.observe("/a", 404) is None
    assert unrecorded.observe("/a", 404) is None
    assert unrecorded.observe("/a", 400) == UnrecordedCount("/a", 400, 1)
    assert unrecorded.flush() == [UnrecordedCount("/a", 404, 2)]


def test_a_path_that_goes_on_has_one_line_each_time():
    """After a flush its next request is counted, not logged: that would be two lines a minute."""
    unrecorded = Unrecorded()
    unrecorded.observe("/a", 404)
    unrecorded.observe("/a", 404)
    assert unrecorded.flush() == [UnrecordedCount("/a", 404, 1)]
    assert unrecorded.observe("/a", 404) is None
    assert unrecorded.flush() == [UnrecordedCount("/a", 404, 1)]
    assert unrecorded.flush() == []
    assert unrecorded.is_empty
    assert unrecorded.observe("/a", 404) == UnrecordedCount("/a", 404, 1)


def test_many_paths_are_others():
    """Who asks for ever new paths fills neither the log nor the memory."""
    unrecorded = Unrecorded()
    lines = [unrecorded.observe(f"/{number}", 404) for number in range(10_000)]
    logged = [line for line in lines if line is not None]
    assert len(logged) == 51
    assert logged[-1] == UnrecordedCount(OTHERS, 404, 1)
    assert unrecorded.flush() == [UnrecordedCount(OTHERS, 404, 10_000 - 51)]


def test_long_paths_are_cut():
    """What is kept of a path has an end."""
    line = Unrecorded().observe("/xyz" * 100_000, 404)
    assert line is not None
    assert len(line.path) == 200


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1beta/models/gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash"),
        ("/openai//x_y/2024-02-01", "/openai//x_y/2024-02-01"),
        ("/", "/"),
        ("*", MASK),
        ("/v1/sk-proj-Ab3", f"/v1/{MASK}"),
        ("/0123456789abcdef/x", f"/{MASK}/x"),
        ("/" + "a" * 33, f"/{MASK}"),
        ("/a%20b", f"/{MASK}"),
    ],
)
def test_what_may_be_a_key_is_masked(path, seen):
    """Keys end up in paths as well; the words of an API stay."""
    assert shown(path) == seen
