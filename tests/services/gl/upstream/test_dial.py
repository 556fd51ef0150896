"""Connections by host name: several addresses, dead ones among them; names that cannot be."""

import asyncio
import contextlib
import gc
import socket
import ssl
import warnings
from itertools import pairwise

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from gecholog.tls import OutboundTls, outbound_context
from services.gl.errors import UpstreamError
from services.gl.routing.routers import Timeouts
from services.gl.upstream.dial import Dialer, SocketAddress, interleaved, is_host, resolve
from services.gl.upstream.pool import Pool
from services.gl.upstream.proxy import Proxies, Route
from tests.services.gl.rig.forward_proxy import ForwardProxy
from tests.services.gl.rig.raw import RawTarget, answer, body_of, request, whole_request

loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
LIVE = "127.0.0.66"


def four(host, port):
    return SocketAddress(socket.AF_INET, (host, port))


def six(host, port):
    return SocketAddress(socket.AF_INET6, (host, port, 0, 0))


class Names:
    """A resolver that a test fills in; a name that it does not have is not found."""

    def __init__(self, **hosts):
        self.hosts = hosts
        self.asked = []

    async def __call__(self, host, port):
        self.asked.append(host)
        if host not in self.hosts:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [six(each, port) if ":" in each else four(each, port) for each in self.hosts[host]]


@contextlib.contextmanager
def black_hole(host, port):
    """Drops what comes to an address, as a machine that is off: a listener whose queue is full."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as held:
        listening = held.enter_context(socket.socket(family))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(0)
        for _ in range(4):
            knocking = held.enter_context(socket.socket(family))
            knocking.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                knocking.connect((host, port))
        yield


def serve(connection, _):
    while whole_request(connection):
        connection.sendall(answer(connection.getsockname()[0].encode()))


def pool_of(names, outbound_tls=None, proxies=None):
    return Pool(outbound_context(outbound_tls or OutboundTls()), proxies or Proxies(), Dialer(names))


async def called(pool, url, **timeouts):
    response = await pool.send(request(url, b"{}", timeouts=Timeouts(**timeouts)))
    return response.status, await body_of(response)


@loops
@pytest.mark.parametrize("dead", ["127.0.0.1", "::1"])
def test_a_dead_address_in_front(run, dead):
    """The next address is tried at the same time, long before the connection's time is up."""
    names = Names(many=[dead, LIVE])

    async def scene(target):
        pool = pool_of(names)
        url = f"http://many:{target.port}"
        assert await called(pool, url, connect=60.0) == (200, LIVE.encode())
        pool.retire()

    with RawTarget(serve, host=LIVE) as target, black_hole(dead, target.port):
        run(scene(target))


@loops
def test_each_address_has_its_share_of_a_short_time(run):
    """Several dead addresses within a time that is shorter than the usual delays together."""
    holes = ["127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8"]

    async def scene(target):
        pool = pool_of(Names(many=[*holes, LIVE]))
        assert await called(pool, f"http://many:{target.port}", connect=1.2) == (200, LIVE.encode())
        pool.retire()

    with RawTarget(serve, host=LIVE) as target, contextlib.ExitStack() as held:
        for hole in holes:
            held.enter_context(black_hole(hole, target.port))
        run(scene(target))


@loops
def test_addresses_that_refuse(run):
    """The next one is tried at once; if all refuse, the call says so."""

    async def scene(target):
        pool = pool_of(Names(many=["127.0.0.2", "::1", LIVE], gone=["127.0.0.2", "127.0.0.3"]))
        assert await called(pool, f"http://many:{target.port}") == (200, LIVE.encode())
        with pytest.raises(UpstreamError, check=lambda error: error.status == 502 and "refused" in error.reason):
            await called(pool, f"http://gone:{target.port}")
        pool.retire()

    with RawTarget(serve, host=LIVE) as target:
        run(scene(target))


@loops
def test_all_addresses_dead(run):
    """The connection's time is for all of them together."""

    async def scene(port):
        pool = pool_of(Names(many=["127.0.0.1", "127.0.0.9"]))
        with pytest.raises(
            UpstreamError, check=lambda error: (error.status, error.reason) == (504, "no connection in time")
        ):
            await called(pool, f"http://many:{port}", connect=0.5)

    with contextlib.ExitStack() as held:
        port = held.enter_context(RawTarget(serve, host=LIVE)).port
        for hole in ("127.0.0.1", "127.0.0.9"):
            held.enter_context(black_hole(hole, port))
        run(scene(port))


@loops
def test_a_resolver_that_hangs(run):
    """Looking up the name is a part of the connection's time, and said as such."""

    async def never(host, port):
        await asyncio.Event().wait()

    async def scene():
        with pytest.raises(
            UpstreamError, check=lambda error: (error.status, error.reason) == (504, "host name not resolved in time")
        ):
            await called(pool_of(never), "http://many:81", connect=0.1)

    run(scene())


@loops
def test_losers_are_closed(run):
    """Whoever comes second leaves nothing open."""

    async def scene(target):
        dialer = Dialer(Names(many=["127.0.0.1", LIVE]))
        for _ in range(5):
            connected = await dialer.connect(await dialer.addresses("many", target.port), 30.0)
            assert connected.getpeername()[0] == LIVE
            connected.close()

    with RawTarget(serve, host=LIVE) as target, black_hole("127.0.0.1", target.port), warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        run(scene(target))
        gc.collect()


@loops
def test_an_address_that_was_overtaken_is_tried_last(run):
    """For a while: a dead address delays the first call, not every one."""

    async def scene(target):
        dialer = Dialer(Names(many=["127.0.0.1", LIVE]))
        first = await dialer.addresses("many", target.port)
        assert [address.sockaddr[0] for address in first] == ["127.0.0.1", LIVE]
        (await dialer.connect(first, 30.0)).close()
        assert [address.sockaddr[0] for address in await dialer.addresses("many", target.port)] == [LIVE, "127.0.0.1"]

    with RawTarget(serve, host=LIVE) as target, black_hole("127.0.0.1", target.port):
        run(scene(target))


@loops
def test_the_address_of_a_proxy(run, tls_files):
    """It is raced like that of a target, for plain calls and for tunnels."""
    proxy = ForwardProxy()
    names = Names(relay=["127.0.0.77", "127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_files.certificate, tls_files.private_key)
    outbound_tls = OutboundTls(system_cert_pool=False, cert_files=(str(tls_files.authority),))

    async def scene(*urls):
        proxies = Proxies(dict.fromkeys(("http", "https"), Route("relay", proxy.port)))
        pool = pool_of(names, outbound_tls, proxies)
        for url in urls:
            assert await called(pool, url, connect=30.0) == (200, b"127.0.0.1")
        pool.retire()

    try:
        with RawTarget(serve) as plain, RawTarget(serve, context) as secure, black_hole("127.0.0.77", proxy.port):
            run(scene(f"http://target.test:{plain.port}", f"https://target.test:{secure.port}"))
    finally:
        proxy.stop()
    assert names.asked == ["relay", "relay"]
    assert [head.split(b" ")[0] for head in proxy.heads] == [b"POST", b"CONNECT"]


@loops
def test_upstream_sockets_send_keep_alive_probes(run):
    """Also over TLS and uvloop's transports, which take the socket over."""

    async def scene(target):
        pool = pool_of(Names(one=[LIVE]))
        await called(pool, f"http://one:{target.port}")
        (host,) = pool._hosts.values()
        (connection,) = host.connections
        shared = connection._transport.get_extra_info("socket")
        assert shared.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert shared.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert shared.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        pool.retire()

    with RawTarget(serve, host=LIVE) as target:
        run(scene(target))


@loops
@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize(
    "host", [".openai.azure.com", "foo..bar", "foo..", ".", "a" * 64 + ".example", "a." * 130 + "example"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_names_that_cannot_be(run, scheme, host, proxied):
    """An empty label, as an unset variable leaves it, or one that is too long: not found, also through a proxy."""
    proxies = Proxies(dict.fromkeys(("http", "https"), Route("127.0.0.1", 1))) if proxied else None

    async def scene():
        with pytest.raises(
            UpstreamError, check=lambda error: (error.status, error.reason) == (503, "host name not found")
        ):
            await called(pool_of(resolve, proxies=proxies), f"{scheme}://{host}/x")

    run(scene())


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("a.example.", True),
        ("xn--bcher-kva.example", True),
        ("bücher.example", True),
        ("a_b-c.example", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("fe80::1%lo", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("ü" * 63, False),
        ("", False),
        (".", False),
        ("a..", False),
        (".a", False),
        ("a..b", False),
    ],
)
def test_hosts(host, expected):
    """Labels as DNS has them, in the form in which they are looked up."""
    assert is_host(host) is expected


@given(st.text(max_size=70))
def test_any_text_is_a_host_or_not(text):
    """No text makes it fail."""
    assert is_host(text) in (True, False)


@given(st.lists(st.tuples(st.sampled_from([socket.AF_INET, socket.AF_INET6]), st.integers(0, 9)), unique=True))
def test_interleaved(pairs):
    """All addresses, each family in its order, the families in turn as long as there are both."""
    addresses = [SocketAddress(family, (number,)) for family, number in pairs]
    order = interleaved(addresses)
    for family in (socket.AF_INET, socket.AF_INET6):
        assert [each for each in order if each.family == family] == [
            each for each in addresses if each.family == family
        ]
    assert order[:1] == addresses[:1]
    fewer = min(sum(each.family == family for each in order) for family in (socket.AF_INET, socket.AF_INET6))
    both = order[: 2 * fewer]
    assert all(one.family != other.family for one, other in pairwise(both))


@loops
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "::1%1"])
def test_the_system_resolver(run, host):
    """Names, absolute names and addresses of both families."""

    async def scene():
        found = await resolve(host, 81)
        assert all(address.sockaddr[1] == 81 for address in found)
        assert {address.sockaddr[0] for address in found} <= {"127.0.0.1", "::1"}
        assert found

    run(scene())


@loops
def test_a_name_with_a_last_dot(run, tls_files):
    """It is looked up with the dot; SNI, the certificate's check and Host are without it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_files.certificate, tls_files.private_key)
    shown, heads = [], []
    context.sni_callback = lambda _, name, __: shown.append(name)

    def script(connection, _):
        while data := whole_request(connection):
            heads.append(data)
            connection.sendall(answer())

    names = Names(**{"localhost.": ["127.0.0.1"]})

    async def scene(secure, plain):
        outbound_tls = OutboundTls(system_cert_pool=False, cert_files=(str(tls_files.authority),))
        pool = pool_of(names, outbound_tls)
        assert (await called(pool, f"https://localhost.:{secure.port}"))[0] == 200
        assert (await called(pool, f"http://localhost.:{plain.port}"))[0] == 200
        pool.retire()

    with RawTarget(script, context) as secure, RawTarget(script) as plain:
        run(scene(secure, plain))
    assert names.asked == ["localhost.", "localhost."]
    assert shown == ["localhost"]
    assert [head.split(b"\r\n")[1] for head in heads] == [
        b"Host: localhost:%d" % secure.port,
        b"Host: localhost:%d" % plain.port,
    ]
