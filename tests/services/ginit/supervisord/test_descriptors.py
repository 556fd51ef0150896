"""Descriptors that processes must not inherit by chance."""

import fcntl
import os

import pytest

from services.ginit.supervisord.descriptors import FIRST_PRIVATE, moved_up


def test_moved_up():
    """Out of reach of a supervisord that closes the low ones, and closed in each process that is started."""
    reading, writing = os.pipe()
    moved = moved_up(reading)
    assert moved >= FIRST_PRIVATE
    assert fcntl.fcntl(moved, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    os.write(writing, b"x")
    assert os.read(moved, 1) == b"x"
    os.close(writing)
    os.close(moved)


def test_old_number_is_free():
    reading, writing = os.pipe()
    high = fcntl.fcntl(reading, fcntl.F_DUPFD, 200)
    moved = moved_up(high)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(high)
    for descriptor in (reading, writing, moved):
        os.close(descriptor)
