"""Proxies between us and targets: from the environment, through CONNECT for https, with a password if necessary."""

import base64
import ssl

import pytest

from services.gl.routing.routers import Origin
from services.gl.upstream.proxy import Proxies, Route, from_environment
from tests.services.gl.rig.forward_proxy import ForwardProxy
from tests.services.gl.rig.gateway import router
from tests.services.gl.rig.upstream import Upstream

PLAIN, SECURE = Origin("http", "api.example", 80), Origin("https", "api.example", 443)
PASSWORD = "CaNaRy-password"
BASIC = "Basic " + base64.b64encode(f"user:{PASSWORD}".encode()).decode()


def test_no_variables():
    """Without variables targets are called directly."""
    proxies = from_environment({})
    assert proxies.route(PLAIN) is proxies.route(SECURE) is None


def test_by_scheme():
    """Each scheme has its own variable; lower-case names win; a scheme in front may be left out."""
    proxies = from_environment(
        {"HTTP_PROXY": "http://one:3128", "https_proxy": "two:8080/", "HTTPS_PROXY": "http://three"}
    )
    assert proxies.route(PLAIN) == Route("one", 3128)
    assert proxies.route(SECURE) == Route("two", 8080)


def test_password():
    """Name and password become basic authorization, escapes undone; they do not show in a repr."""
    (route,) = from_environment({"HTTPS_PROXY": "http://us%40er:p%3Ass@one:1"}).by_scheme.values()
    assert route.authorization == "Basic " + base64.b64encode(b"us@er:p:ss").decode()
    assert "p:ss" not in repr(route)
    assert route.authorization not in repr(route)


@pytest.mark.parametrize(
    "value", ["socks5://one:1", "https://one:1", "http://", "http://one:x", "http://one:99999", "://"]
)
def test_what_is_no_proxy(value):
    """A variable that is no http address is refused; the message names the variable, not the value."""
    with pytest.raises(ValueError, match=r"HTTPS_PROXY") as caught:
        from_environment({"https_proxy": value})
    assert value not in str(caught.value)


def test_password_in_a_broken_variable():
    """A password with a `/` in it makes an address that cannot be read; no part of it is in the message."""
    with pytest.raises(ValueError, match=r"HTTPS_PROXY") as caught:
        from_environment({"HTTPS_PROXY": f"http://user:{PASSWORD}/x@one:1"})
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(caught.value.__cause__)


@pytest.mark.parametrize(
    ("listed", "host", "direct"),
    [
        ("", "api.example", False),
        ("*", "api.example", True),
        ("api.example", "api.example", True),
        ("API.Example", "api.example", True),
        ("example", "api.example", True),
        (".example", "api.example", True),
        (" other , .example ", "api.example", True),
        ("pi.example", "api.example", False),
        ("api.example", "not-api.example", False),
        ("*.example", "api.example", True),
        ("*.example:443", "api.example", True),
        ("*.example:8443", "api.example", False),
        ("*.other", "api.example", False),
        ("*pi.example", "api.example", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("", "10.0.0.1", False),
        ("", "localhost", True),
        ("", "LOCALHOST", True),
        ("", "127.0.0.2", True),
        ("", "::1", True),
        ("", "localhost.example", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("fd00::1", "fd00::1", True),
        ("api.example:8443", "api.example", False),
        ("api.example:443", "api.example", True),
    ],
)
def test_no_proxy(listed, host, direct):
    """NO_PROXY lists names with all below them, addresses, networks, and names with a port; we never go out to us."""
    proxies = from_environment({"HTTPS_PROXY": "http://one:1", "NO_PROXY": listed})
    assert (proxies.route(Origin("https", host, 443)) is None) is direct


@pytest.mark.parametrize("listed", ["a.example:²", "a.example:" + "9" * 5000, "a.example:x", ":", "[", "\udcff"])
def test_what_no_proxy_cannot_mean(listed):
    """It matches nothing, and harms nobody."""
    proxies = from_environment({"HTTPS_PROXY": "http://one:1", "NO_PROXY": listed})
    assert proxies.route(SECURE) == Route("one", 1)


def test_bytes_in_a_password():
    """What is no UTF-8 in the environment goes to the proxy as it stands there."""
    (route,) = from_environment({"HTTPS_PROXY": "http://us\udcffer:p@one:1"}).by_scheme.values()
    assert route.authorization == "Basic " + base64.b64encode(b"us\xffer:p").decode()


def test_proxies_are_values():
    """No proxies at all is the default."""
    assert Proxies().route(SECURE) is None


# -------------------------------------------------------------------- live


@pytest.fixture(scope="module")
def tls_upstream(tls_files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_files.certificate, tls_files.private_key)
    upstream = Upstream(context)
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def forward():
    proxy = ForwardProxy(BASIC)
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def proxied(run_gateway, tls_upstream, shared_upstream, forward, tls_files):
    """A gateway behind a proxy that wants a password; `/direct/` leads to this machine."""
    address = f"http://user:{PASSWORD}@127.0.0.1:{forward.port}"
    return run_gateway(
        [
            router("/tls/", f"https://target.test:{tls_upstream.port}"),
            router("/plain/", f"http://target.test:{shared_upstream.port}"),
            router("/direct/", shared_upstream.url),
        ],
        env={"HTTPS_PROXY": address, "HTTP_PROXY": address},
        tls={"ingress": {}, "outbound": {"cert_files": [str(tls_files.authority)]}},
    )


@pytest.fixture(autouse=True)
def _anew(forward, tls_upstream):
    forward.heads.clear()
    forward.answer = b""
    tls_upstream.reset()
    tls_upstream.hang_up()


def test_connect(proxied, forward, tls_upstream, bus):
    """https goes through a tunnel: the proxy sees host and port, the password, and nothing of the call."""
    reply = proxied.call("POST", "/tls/x", {"Api-Key": "secret"}, b'{"a":1}')
    assert reply.status == 200
    assert tls_upstream.asked().body == b'{"a":1}'
    assert tls_upstream.seen[0].values("Proxy-Authorization") == []
    (head,) = forward.heads
    assert head.startswith(b"CONNECT target.test:%d HTTP/1.1\r\n" % tls_upstream.port)
    assert b"Proxy-Authorization: " + BASIC.encode() in head
    assert b"secret" not in head
    record = bus.record(reply.transaction)
    assert PASSWORD not in str(record)
    assert BASIC not in str(record)


def test_plain(proxied, forward, upstream):
    """http goes to the proxy by its whole address."""
    assert proxied.call("GET", "/plain/x?y=1").status == 200
    (head,) = forward.heads
    assert head.startswith(b"GET http://target.test:%d/x?y=1 HTTP/1.1\r\n" % upstream.port)
    assert b"Proxy-Authorization: " + BASIC.encode() in head


def test_direct(proxied, forward, upstream):
    """What needs no proxy is called directly, without the proxy's password."""
    assert proxied.call("GET", "/direct/x").status == 200
    assert forward.heads == []
    assert upstream.asked().values("Proxy-Authorization") == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 403 No\r\n\r\n",
        b"rubbish\r\n\r\n",
        b"x" * 100_000,
        b"HTTP/1.1 2",
    ],
)
def test_proxy_that_refuses(proxied, forward, tls_upstream, bus, answer):
    """A proxy that does not open the tunnel is a failure of the target: 502."""
    forward.answer = answer
    reply = proxied.call("POST", "/tls/x", {}, b"{}")
    assert (reply.status, reply.json()) == (502, {"error": "failure making request"})
    assert tls_upstream.seen == []
    assert any("proxy" in error["details"] for error in bus.record(reply.transaction)["response"]["error"])


def test_password_is_not_logged(proxied):
    """After all of that the password is in no line of the log."""
    assert PASSWORD not in proxied.process.output
    assert BASIC not in proxied.process.output


def test_proxy_that_is_not_there(run_gateway, tls_upstream):
    """No proxy, no call."""
    gateway = run_gateway(
        [router("/tls/", f"https://target.test:{tls_upstream.port}")],
        env={"HTTPS_PROXY": f"http://user:{PASSWORD}@127.0.0.1:1"},
    )
    reply = gateway.call("POST", "/tls/x", {}, b"{}")
    assert reply.status == 502
    assert PASSWORD not in gateway.process.output
