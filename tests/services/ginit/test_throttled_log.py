"""Errors that recur are logged once in a while."""

from services.ginit.throttled_log import ThrottledLog


def test_same_error_again(caplog):
    """Within a minute, each message is logged once, with the first reason."""
    throttled = ThrottledLog()
    for message, child in (("cannot write", "one"), ("cannot write", "one"), ("cannot validate", "one")):
        throttled.error(message, child, OSError(28, "No space left on device"))
    assert caplog.messages == ["cannot write", "cannot validate"]
