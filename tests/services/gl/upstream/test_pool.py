"""Calls to targets over TLS, and what is sent on the wire."""

import asyncio
import socket
import ssl
import threading

import pytest

from gecholog.deadline_timer import NEVER, DeadlineTimer
from services.gl.http import UpstreamRequest
from services.gl.routing.routers import Router, Timeouts, parse_target
from services.gl.upstream.connection import UpstreamConnection
from services.gl.upstream.host_pool import HostPool
from services.gl.upstream.pool import request_head
from services.gl.upstream.proxy import Route
from tests.services.gl.rig.gateway import router
from tests.services.gl.rig.upstream import Upstream


def outbound(method="POST", url="http://host:81", query="", headers=None, body=b""):
    return UpstreamRequest(method, Router("/", {}, parse_target(url, "", {})), "/a", query, headers or {}, body)


def test_request_head():
    """Request line, Host, length, then the headers; length and host are ours whatever else was said."""
    head = request_head(outbound(query="b=1", headers={"Content-Length": ["99"], "X-A": ["1", "\udce9"]}, body=b"abc"))
    assert head == b"POST /a?b=1 HTTP/1.1\r\nHost: host:81\r\nContent-Length: 3\r\nX-A: 1\r\nX-A: \xe9\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "length"), [("GET", False), ("HEAD", False), ("DELETE", False), ("POST", True), ("PATCH", True)]
)
def test_length_of_nothing(method, length):
    """Methods that usually have a body say that there is none."""
    assert (b"Content-Length: 0" in request_head(outbound(method))) is length


def test_request_head_through_a_proxy():
    """A plain call through a proxy names the whole address, one in a tunnel does not."""
    route = Route("proxy", 1, "Basic x")
    assert request_head(outbound(), route).startswith(
        b"POST http://host:81/a HTTP/1.1\r\nHost: host:81\r\nProxy-Authorization: Basic x\r\n"
    )
    assert b"Proxy" not in request_head(outbound(url="https://host"), route)


class FakeTransport:
    """A connection's other half."""

    def __init__(self):
        self.aborted = False

    def write(self, _):
        """Nobody reads it."""

    def abort(self):
        self.aborted = True

    def resume_reading(self):
        """It was never held back."""

    def get_write_buffer_size(self):
        return 0

    def get_extra_info(self, _):
        return None


async def test_an_answer_that_nobody_asked_for():
    """A second answer behind the first, in the same bytes, changes nothing of it, and ends the connection."""
    host = HostPool(asyncio.get_running_loop(), DeadlineTimer(lambda _: NEVER))
    connection, transport = UpstreamConnection(host), FakeTransport()
    connection.connection_made(transport)
    answer = connection.request(b"", b"", Timeouts(), None, is_head=False)
    one = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 3\r\n\r\none"
    connection.data_received(one + b"HTTP/1.1 418 No\r\nX-Evil: 1\r\nContent-Length: 3\r\n\r\ntwo")
    await answer.head()
    assert (answer.status, await answer.read(), await answer.read()) == (200, b"one", b"")
    assert "X-Evil" not in answer.headers
    assert transport.aborted
    assert host.take() is None


# -------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def tls_upstream(tls_files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_files.certificate, tls_files.private_key)
    upstream = Upstream(context)
    yield upstream
    upstream.stop()


def calling(run_gateway, upstream, *, host="localhost", env=None, **outbound):
    """A gateway that calls a TLS target."""
    routers = [router("/tls/", f"https://{host}:{upstream.port}")]
    return run_gateway(routers, tls={"ingress": {}, "outbound": outbound}, env=env)


def test_own_authority(run_gateway, tls_upstream, tls_files, bus):
    """A certificate of an authority in `cert_files` is believed."""
    tls_upstream.reset()
    gateway = calling(run_gateway, tls_upstream, cert_files=[str(tls_files.authority)])
    for _ in range(2):
        reply = gateway.call("POST", "/tls/x", {}, b'{"a":1}')
        assert reply.status == 200
    assert tls_upstream.asked(2).body == b'{"a":1}'
    assert bus.record(reply.transaction)["request"]["url"] == f"https://localhost:{tls_upstream.port}/x"


@pytest.mark.parametrize("outbound", [{}, {"system_cert_pool": True}, "stranger"], ids=["nobody", "system", "stranger"])
def test_unknown_authority(run_gateway, tls_upstream, tls_files, bus, outbound):
    """A certificate of an authority that nobody named is not believed: 502, and the record says why."""
    if outbound == "stranger":
        outbound = {"cert_files": [str(tls_files.stranger)]}
    tls_upstream.reset()
    gateway = calling(run_gateway, tls_upstream, **outbound)
    reply = gateway.call("POST", "/tls/x", {}, b"{}")
    assert (reply.status, reply.json()) == (502, {"error": "failure making request"})
    assert any("TLS" in error["details"] for error in bus.record(reply.transaction)["response"]["error"])
    assert tls_upstream.seen == []
    # the config is mended: the next call is believed
    mended = gateway.values | {"tls": {"ingress": {}, "outbound": {"insecure": True}}}
    gateway.reload(mended)
    assert gateway.call("POST", "/tls/x", {}, b"{}").status == 200


def test_wrong_name(run_gateway, tls_files, bus):
    """A certificate for another name is not believed."""
    certificate, private_key = tls_files.certificate, tls_files.private_key
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private_key)
    upstream = Upstream(context)
    try:
        gateway = calling(run_gateway, upstream, host="127.0.0.2", cert_files=[str(tls_files.authority)])
        assert gateway.call("POST", "/tls/x").status == 502
    finally:
        upstream.stop()


def test_no_tls_at_all(run_gateway, tls_files):
    """A target that does not speak TLS is a 502."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer_in_plain():
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=answer_in_plain, daemon=True).start()
        routers = [router("/tls/", f"https://localhost:{listening.getsockname()[1]}")]
        gateway = run_gateway(routers, tls={"ingress": {}, "outbound": {"cert_files": [str(tls_files.authority)]}})
        assert gateway.call("POST", "/tls/x", {}, b"{}").status == 502
