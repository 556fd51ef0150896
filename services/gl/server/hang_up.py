"""Notices that a client has closed a connection from which nothing is read."""

from __future__ import annotations

import select

# Of Linux: the other side has closed its direction (FIN), also if there is unread data before that.
_CLOSED = getattr(select, "POLLRDHUP", 0)
_ANY = _CLOSED | select.POLLHUP | select.POLLERR


def has_hung_up(descriptor: int) -> bool:
    """Tell whether the client has closed its side of a socket, or the connection is broken. Does not read from it."""
    if descriptor < 0:  # closed
        return False
    poll = select.poll()
    poll.register(descriptor, _CLOSED)
    return any(events & _ANY for _, events in poll.poll(0))
