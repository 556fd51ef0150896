"""Status lines of responses (RFC 9112, section 4). Pure."""

from __future__ import annotations

from http import HTTPStatus

_STANDARD = {status.value: status.phrase for status in HTTPStatus}
# For other statuses, such as Anthropic's 529: the name of their class (RFC 9110, section 15).
_CLASSES = {1: "Informational", 2: "Successful", 3: "Redirection", 4: "Client Error", 5: "Server Error"}


def reason(status: int) -> str:
    """The reason phrase of a status. Never empty: some clients reject a status line without one."""
    return _STANDARD.get(status) or _CLASSES.get(status // 100, "Unknown")


_LINES = {status: f"HTTP/1.1 {status} {reason(status)}\r\n" for status in range(200, 600)}


def status_line(status: int) -> str:
    """The first line of a response, with its end."""
    return _LINES.get(status) or f"HTTP/1.1 {status} {reason(status)}\r\n"
