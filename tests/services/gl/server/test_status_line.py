"""Status lines: each status has a reason."""

import pytest

from services.gl.server.status_line import reason, status_line


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (200, "OK"),
        (404, "Not Found"),
        (431, "Request Header Fields Too Large"),
        (299, "Successful"),
        (399, "Redirection"),
        (499, "Client Error"),
        (529, "Server Error"),
        (199, "Informational"),
        (600, "Unknown"),
        (999, "Unknown"),
    ],
)
def test_reason(status, phrase):
    """That of the standard; of others, what their class says."""
    assert reason(status) == phrase
    assert status_line(status) == f"HTTP/1.1 {status} {phrase}\r\n"


def test_no_reason_is_empty():
    """Whatever an upstream may send."""
    assert all(reason(status).isascii() and reason(status) for status in range(100, 1000))
