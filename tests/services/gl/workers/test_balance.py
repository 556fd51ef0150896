"""The numbers of connections that workers share."""

from services.gl.workers.balance import Counts


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
