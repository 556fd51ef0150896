"""Why a server cannot listen: asked of real sockets."""

import asyncio
import socket

import pytest

from gecholog.listen_error import listen_error


@pytest.mark.parametrize(("host", "said"), [("", ""), ("127.0.0.1", " of 127.0.0.1")])
def test_port_that_is_taken(host, said):
    """The port is named first, and the address if only that one is meant."""
    with socket.socket() as holder, socket.socket() as late:
        holder.bind((host, 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(OSError, match="in use") as caught:
            late.bind((host, port))
    assert listen_error(host, port, caught.value) == f"port {port}{said} is taken: another program listens on it"


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])  # noqa: S104 - only said
def test_every_address_is_not_named(host):
    """However someone wrote it."""
    assert listen_error(host, 80, PermissionError(13, "no")) == "cannot listen on port 80: Permission denied"


def test_address_of_another_machine():
    """An address that no interface has (TEST-NET-1, RFC 5737)."""
    with socket.socket() as trial, pytest.raises(OSError, match="assign") as caught:
        trial.bind(("192.0.2.1", 0))
    expected = "cannot listen on 192.0.2.1, port 1: this machine does not have that address"
    assert listen_error("192.0.2.1", 1, caught.value) == expected


async def test_what_event_loops_add_is_left_out():
    """asyncio's text has the address once more, and its number is the system's."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(OSError, match="error while attempting") as caught:
            await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", port)
    said = listen_error("127.0.0.1", port, caught.value)
    assert said == f"port {port} of 127.0.0.1 is taken: another program listens on it"


def test_name_that_leads_nowhere():
    """The resolver's numbers are not those of the system."""
    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    expected = "cannot listen on port 1 of no.such.host: Name or service not known"
    assert listen_error("no.such.host", 1, error) == expected
