"""The socket of supervisord is created again if someone has removed it. With real sockets."""

import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from supervisor import events

from services.ginit.supervisord import socket_repair


class Options:
    """The part of supervisord's options that makes servers. `failure` is raised instead of making one."""

    def __init__(self, file):
        self.file = file
        self.failure = None
        self.logged = []
        self.logger = self
        self.httpservers = self.make_http_servers(None)

    def make_http_servers(self, _):
        if self.failure is not None:
            raise self.failure
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(self.file))
        server.listen()
        return [({"file": str(self.file)}, server)]

    def warn(self, message, **_):
        self.logged.append(message)

    info = warn

    @property
    def server(self):
        return self.httpservers[0][1]


class Supervisord:
    def __init__(self, file):
        self.options = Options(file)


@pytest.fixture
def supervisord():
    folder = Path(tempfile.mkdtemp(prefix="g"))
    callbacks = list(events.callbacks)
    made = Supervisord(folder / "run.sock")
    socket_repair.make(made)
    yield made
    events.callbacks[:] = callbacks
    made.options.server.close()
    shutil.rmtree(folder)


def advance(supervisord):
    events.notify(events.Tick5Event(5, supervisord))


def is_served(file):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(file))
        except OSError:
            return False
    return True


def test_socket_in_its_place(supervisord):
    """Nothing is done."""
    server = supervisord.options.server
    advance(supervisord)
    assert supervisord.options.server is server
    assert supervisord.options.logged == []


def test_socket_that_was_removed(supervisord):
    """Its folder as well. The old server is closed."""
    server = supervisord.options.server
    supervisord.options.file.unlink()
    advance(supervisord)
    assert is_served(supervisord.options.file)
    assert server.fileno() == -1
    assert supervisord.options.logged == ["the socket was removed, created it again"]


def test_file_in_its_place(supervisord):
    """It is not ours to remove: that is logged, and the old server stays."""
    file = supervisord.options.file
    file.unlink()
    file.write_text("no socket")
    advance(supervisord)
    assert file.read_text() == "no socket"
    assert supervisord.options.server.fileno() >= 0
    file.unlink()
    advance(supervisord)
    assert is_served(file)


@pytest.mark.parametrize("failure", [OSError("no space"), ValueError("no such user")])
def test_socket_that_cannot_be_created(supervisord, failure):
    """Then five seconds later, perhaps."""
    supervisord.options.file.unlink()
    supervisord.options.failure = failure
    advance(supervisord)
    assert supervisord.options.logged == ["cannot create the socket again: %(reason)s"]
    supervisord.options.failure = None
    advance(supervisord)
    assert is_served(supervisord.options.file)


def test_one_repair_at_a_time(supervisord):
    """The new server has made another one of these: this one is done."""
    number = len(events.callbacks)
    supervisord.options.file.unlink()
    advance(supervisord)
    assert len(events.callbacks) == number - 1
