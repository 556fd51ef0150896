"""Listening sockets that the service manager holds."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gecholog import held_sockets
from gecholog.held_sockets import VARIABLE, adopt, are_held, find, ports, received
from tests.support.waiting import until

LOWEST = 10
ALL = "0.0.0.0"  # noqa: S104 - the tests are about it


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def environ_of(*sockets):
    return {VARIABLE: " ".join(str(one.fileno()) for one in sockets)}


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"LISTEN_PID": "7", "LISTEN_FDS": "2"}, [3, 4]),
        ({"LISTEN_PID": "8", "LISTEN_FDS": "2"}, []),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "-1"}, []),
        ({"LISTEN_PID": "7"}, []),
        ({"LISTEN_FDS": "2"}, []),
        ({}, []),
    ],
)
def test_received(environ, found):
    """Only those that were meant for this process."""
    assert list(received(environ, 7)) == found


def test_found_by_its_address(listening):
    """A copy of it, which can be closed."""
    host, port = listening.getsockname()
    with find(host, port, environ_of(listening)) as found:
        assert found.getsockname() == (host, port)
        assert found.fileno() != listening.fileno()
        assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_not_found_at_another_address(listening):
    """A config for one address must not be served on another."""
    host, port = listening.getsockname()
    environ = environ_of(listening)
    for other in (("127.0.0.2", port), ("", port), (ALL, port), ("localhost", port), (host, port + 1)):
        assert find(*other, environ) is None
    assert find(host, port, {}) is None


@pytest.mark.parametrize("host", ["", ALL, "::"])
def test_all_addresses(host):
    """Each way to write all addresses is served by a socket for all."""
    with socket.create_server((ALL, 0)) as server:
        port = server.getsockname()[1]
        find(host, port, environ_of(server)).close()
        assert find("127.0.0.1", port, environ_of(server)) is None


def test_descriptors_that_are_something_else(listening, tmp_path):
    """A process that has not inherited the sockets may have other files there."""
    _, port = listening.getsockname()
    with (tmp_path / "file").open("w") as file, socket.create_connection(listening.getsockname()) as client:
        environ = {VARIABLE: f"{file.fileno()} {client.fileno()} 9999 x"}
        assert find("127.0.0.1", port, environ) is None
        assert are_held(environ)
        assert ports([file.fileno(), client.fileno(), listening.fileno()]) == {port}
    assert not are_held({VARIABLE: ""})
    assert not are_held({})


def test_values_of_an_earlier_process_are_removed():
    environ = {VARIABLE: "10 11", "LISTEN_FDS": "2", "LISTEN_PID": "1", "LISTEN_FDNAMES": "a:b"}
    adopt(environ, 2, LOWEST)
    assert environ == {VARIABLE: ""}


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd is not installed")
def test_from_systemd(free_port, tmp_path):
    """The sockets arrive, and a child of this process has them as well, although systemd did not mean it."""
    code = (
        "import os, subprocess, sys\n"
        "from gecholog import held_sockets\n"
        f"held_sockets.adopt(os.environ, os.getpid(), {LOWEST})\n"
        "child = 'from gecholog import held_sockets; '"
        f'        \'found = held_sockets.find("127.0.0.1", {free_port}); found.accept()[0].sendall(b"served")\'\n'
        "subprocess.run([sys.executable, '-c', child], close_fds=False, check=True)\n"
    )
    command = ["systemd-socket-activate", "-l", f"127.0.0.1:{free_port}", f"--setenv=PYTHONPATH={Path.cwd()}"]
    process = subprocess.Popen([*command, sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    try:
        client = until(lambda: _connected(free_port), "a socket")
        with client:
            assert client.recv(10) == b"served"
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def _connected(port):
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=10)
    except ConnectionRefusedError:
        return None


def test_clients_wait_while_nobody_accepts(listening):
    """The kernel keeps their connections, and their requests, for the next process."""
    address = listening.getsockname()
    find(*address, environ_of(listening)).close()
    with socket.create_connection(address) as client:
        client.sendall(b"hello")
        with find(*address, environ_of(listening)) as later, later.accept()[0] as accepted:
            assert accepted.recv(10) == b"hello"
    assert held_sockets.are_held(environ_of(listening))
