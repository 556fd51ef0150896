"""TCP keep-alive on real sockets."""

import socket

from gecholog import keepalive


def options(sock):
    return (
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
        sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
        sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
    )


def test_enable():
    """A TCP socket gets all four options."""
    with socket.socket() as sock:
        keepalive.enable(sock)
        assert options(sock) == (1, 60, 15, 4)


def test_a_listening_socket_hands_them_down():
    """What a listening socket accepts has them too."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        keepalive.enable(listening)
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert options(accepted) == (1, 60, 15, 4)


def test_a_socket_that_is_not_tcp():
    """It is left as it is, without an error."""
    one, other = socket.socketpair()
    with one, other:
        keepalive.enable(one)
