"""The numbers of connections that workers share."""

import os
import tempfile

import pytest

from services.gl.workers.balance import Counts


def refuse(*_, **__):
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("missing", [(tempfile, "TemporaryFile"), (os, "memfd_create")])
def test_the_file_needs_one_of_two_places(monkeypatch, missing):
    """The temporary folder may be read-only, and a sandbox may forbid files in memory."""
    monkeypatch.setattr(*missing, refuse)
    with Counts.create() as file:
        one, two = Counts(file.fileno()).of(0), Counts(file.fileno()).of(1)
        one.begin()
        two.begin()
        one.opened()
        assert one.is_ahead()


def test_who_is_ahead():
    """Only workers that accept connections count, wherever their numbers are mapped."""
    with Counts.create() as file:
        parent, one, two = (Counts(file.fileno()) for _ in range(3))
        first, second = one.of(0), two.of(63)
        first.begin()
        first.opened()
        assert not first.is_ahead()
        second.begin()
        assert first.is_ahead()
        second.opened()
        assert not first.is_ahead()
        assert not second.is_ahead()
        second.opened()
        assert second.is_ahead()
        first.end()
        first.opened()
        assert not second.is_ahead()
        first.closed()
        first.begin()
        assert second.is_ahead()
        parent.clear(0)  # it was killed
        assert not second.is_ahead()
