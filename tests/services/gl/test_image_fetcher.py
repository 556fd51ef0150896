"""Images that are fetched by their URLs: from real servers, and never from where the gateway's network is.

The names and addresses are made up: `Network` resolves names as a test says, and connects to a local server in place of
the public address that it is given. What it was asked to connect to is what counts.
"""

import asyncio
import base64
import socket
import ssl
import threading
from ipaddress import ip_address

import pytest
import trustme

from services.gl import image_fetcher
from services.gl.errors import Refusal
from services.gl.image_fetcher import ImageFetcher, PublicPools
from services.gl.images.public_address import is_public
from services.gl.images.rule import ImageRule
from services.gl.images.source import NoImages
from services.gl.upstream import proxy
from services.gl.upstream.dial import Dialer, SocketAddress, resolve
from services.gl.upstream.proxy import Proxies
from tests.services.gl.images.test_public_address import SPECIAL
from tests.services.gl.rig.upstream import Upstream

PUBLIC = ImageRule.of("public")
CONTEXT = ssl.create_default_context()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
HERE, THERE = "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"
NOT_PUBLIC = [text for kind, texts in SPECIAL.items() if kind not in {"no address", "with a zone"} for text in texts]


def socket_address(text, port):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return SocketAddress(family, (text, port) if family == socket.AF_INET else (text, port, 0, 0))


class Network:
    """Names with the answers that the DNS gives, one after another; and what is connected to."""

    def __init__(self, upstream):
        self.answers = {}
        self.asked = []
        self.connected = []
        self._port = upstream.port

    def name(self, host, *answers):
        """Each response is a list of addresses; the last one stays."""
        self.answers[host] = list(answers)

    async def resolve(self, host, port):
        self.asked.append(host)
        if host not in self.answers:
            return await resolve(host, port) if is_literal(host) else not_found()
        listed = self.answers[host]
        found = listed.pop(0) if len(listed) > 1 else listed[0]
        return [socket_address(text, port) for text in found]

    def dialer(self, lookup):
        network = self

        class LocalDialer(Dialer):
            """Connects to the local server, in place of a public address."""

            async def connect(self, addresses, seconds):
                network.connected += [address.sockaddr[0] for address in addresses]
                assert all(is_public(address.sockaddr[0]) for address in addresses)
                return await super().connect([socket_address("127.0.0.1", network._port)], seconds)

        return LocalDialer(lookup)


def is_literal(host):
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def not_found():
    raise socket.gaierror(socket.EAI_NONAME, "not known")


@pytest.fixture
def server():
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture
def network(server):
    made = Network(server)
    made.name("images.example.com", [HERE])
    return made


def fetcher_of(network, proxies=None, context=None):
    pools = PublicPools(context or CONTEXT, network.resolve, network.dialer)
    return ImageFetcher(pools, proxies or Proxies())


@pytest.fixture
async def fetcher(network):
    return fetcher_of(network)


def serve(talk):
    talk.reply(PNG, kind="image/png")


async def refusal(fetcher, url, rule=PUBLIC):
    """The message of the error for one image."""
    with pytest.raises(Refusal) as caught:
        await fetcher.fetch([url], rule)
    detail = caught.value.detail
    assert (detail.status, detail.code, detail.param) == (400, "invalid_image_url", "image_url")
    return detail.message


async def test_an_image(fetcher, server, network):
    """Its bytes come in base64 with their type, from the address that the name has."""
    server.behaviour = serve
    url = "http://images.example.com/a.png?size=1"
    found = await fetcher.fetch([url, url], PUBLIC)
    assert {name: (base64.b64decode(image.data), image.media_type) for name, image in found.items()} == {
        url: (PNG, "image/png")
    }
    assert (network.connected, server.asked().target, len(server.seen)) == ([HERE], "/a.png?size=1", 1)


async def test_an_address(fetcher, server, network):
    """A URL may have a public address in place of a name."""
    server.behaviour = serve
    assert await fetcher.fetch([f"http://{HERE}/", f"http://[{THERE}]/a"], PUBLIC)
    assert sorted(network.connected) == sorted([HERE, THERE])
    assert {seen.values("Host")[0] for seen in server.seen} == {HERE.encode(), f"[{THERE}]".encode()}


async def test_nothing_of_ours_is_sent(fetcher, server, monkeypatch):
    """A request has no credentials, no cookies, and nothing that a server set before."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    server.behaviour = lambda talk: talk.reply(PNG, 200, "Set-Cookie: a=b", kind="image/png")
    for _ in range(2):
        await fetcher.fetch(["http://images.example.com/a"], PUBLIC)
    for seen in server.seen:
        names = {name.lower() for name, _ in seen.lines}
        assert names == {b"host", b"accept", b"accept-encoding", b"user-agent"}
        assert seen.values("Host") == [b"images.example.com"]


async def test_over_tls(server, network):
    """The certificate has to be of the host in the URL, not of the address."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("images.example.com").configure_cert(context)
    secure = Upstream(context)
    secure.behaviour = serve
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    try:
        network = Network(secure)
        network.name("images.example.com", [HERE, THERE])
        network.name("other.example.com", [HERE])
        fetcher = fetcher_of(network, context=trusting)
        assert await fetcher.fetch(["https://images.example.com/"], PUBLIC)
        assert "TLS" in await refusal(fetcher, "https://other.example.com/")
    finally:
        secure.stop()


# ------------------------------------------------------------------- SSRF


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_special_addresses(fetcher, server, network, address):
    """Neither the address itself nor a name of it is asked, also if the name has a public address as well."""
    host = f"[{address}]" if ":" in address else address
    network.name("internal.example.com", [address])
    network.name("mixed.example.com", [HERE, address])
    for url in (f"http://{host}/", "http://internal.example.com/", "http://mixed.example.com/"):
        assert "cannot be reached at a public address" in await refusal(fetcher, url)
    assert (network.connected, server.connections) == ([], 0)


@pytest.mark.parametrize("address", NOT_PUBLIC)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_to_special_addresses(fetcher, server, network, address, status):
    """A redirect is checked as the first URL is. The message does not tell where it leads."""
    host = f"[{address}]" if ":" in address else address
    network.name("internal.example.com", [address])
    for location in (f"http://{host}/latest/meta-data/", "http://internal.example.com/"):
        server.behaviour = lambda talk, to=location: talk.reply(b"", status, f"Location: {to}")
        message = await refusal(fetcher, "http://images.example.com/")
        assert "cannot be reached at a public address" in message
        assert "internal" not in message
        assert address not in message
    assert set(network.connected) == {HERE}


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1%25lo]"])
async def test_redirects_to_unusual_spellings(fetcher, server, network, host):
    """Nor may it lead to an address that is spelled in an unusual way."""
    server.behaviour = lambda talk: talk.reply(b"", 302, f"Location: http://{host}/")
    assert "it redirects to a URL that is not valid" in await refusal(fetcher, "http://images.example.com/")
    assert network.connected == [HERE]


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_names_that_change(fetcher, server, network, address):
    """DNS rebinding: a name that is public when it is checked, and another one right after, is asked where it was."""
    network.name("rebinding.example.com", [HERE], [address])
    server.behaviour = lambda talk: talk.reply(PNG, 200, "Connection: close", kind="image/png")
    await fetcher.fetch(["http://rebinding.example.com/"], PUBLIC)
    assert (network.asked, network.connected) == (["rebinding.example.com"], [HERE])
    assert "cannot be reached" in await refusal(fetcher, "http://rebinding.example.com/")
    assert network.connected == [HERE]


async def test_a_name_that_changes_in_a_redirect(fetcher, server, network):
    """So is one that redirects to itself."""
    network.name("rebinding.example.com", [HERE], ["127.0.0.1"])
    server.behaviour = lambda talk: talk.reply(b"", 302, "Location: /again", "Connection: close")
    assert "cannot be reached" in await refusal(fetcher, "http://rebinding.example.com/")
    assert network.connected == [HERE]


async def test_names_cannot_be_probed(fetcher, network):
    """A name that does not exist and a name of the gateway's network have the same error."""
    network.name("internal.example.com", ["10.0.0.1"])
    there = await refusal(fetcher, "http://internal.example.com/")
    missing = await refusal(fetcher, "http://missing.example.com/")
    assert there.replace("internal", "missing") == missing


async def test_the_real_resolver():
    """Without a test in between, the names of this machine are refused."""
    fetcher = ImageFetcher(PublicPools(CONTEXT), Proxies())
    for url in ("http://localhost/", "http://127.0.0.1/", "http://[::1]/"):
        assert "cannot be reached at a public address" in await refusal(fetcher, url)


async def test_listed_hosts_need_public_addresses(fetcher, network):
    """The list says who may be asked, not that a private address may be."""
    network.name("internal.example.com", ["10.0.0.1"])
    rule = ImageRule.of(["internal.example.com", "127.0.0.1"])
    for url in ("http://internal.example.com/", "http://127.0.0.1/"):
        assert "cannot be reached" in await refusal(fetcher, url, rule)


async def test_hosts_that_are_not_listed(fetcher, server, network):
    """Others are not even resolved, also behind a redirect."""
    rule = ImageRule.of(["images.example.com"])
    network.name("other.example.com", [HERE])
    assert "not in the list" in await refusal(fetcher, "http://other.example.com/", rule)
    server.behaviour = lambda talk: talk.reply(b"", 302, "Location: http://other.example.com/")
    assert "not in the list" in await refusal(fetcher, "http://images.example.com/", rule)
    assert network.asked == ["images.example.com"]


async def test_a_proxy_in_force(network, server):
    """What would go through a proxy cannot be checked. A host that is called directly can be."""
    proxies = proxy.from_environment({"http_proxy": "http://127.0.0.1:9", "no_proxy": "direct.example.com"})
    network.name("direct.example.com", [HERE])
    server.behaviour = serve
    fetcher = fetcher_of(network, proxies)
    assert "through a proxy" in await refusal(fetcher, "http://images.example.com/")
    assert await fetcher.fetch(["http://direct.example.com/"], PUBLIC)


# --------------------------------------------------------------- redirects


async def test_redirects(fetcher, server, network):
    """Five redirects are followed, relative ones too; a sixth is not."""
    left = 5

    def behaviour(talk):
        if talk.request.target == "/0":
            serve(talk)
        else:
            talk.reply(b"moved", 302, f"Location: {int(talk.request.target[1:]) - 1}")

    server.behaviour = behaviour
    assert await fetcher.fetch([f"http://images.example.com/{left}"], PUBLIC)
    assert "redirects more than 5 times" in await refusal(fetcher, f"http://images.example.com/{left + 1}")


async def test_a_redirect_without_a_place(fetcher, server):
    """A redirect has to say where to, and to one place."""
    for lines in ([], ["Location: /a", "Location: /b"]):
        server.behaviour = lambda talk, more=lines: talk.reply(b"", 302, *more)
        assert "without saying where to" in await refusal(fetcher, "http://images.example.com/")


async def test_out_of_tls(network):
    """A redirect from https to http is not followed."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("images.example.com").configure_cert(context)
    secure = Upstream(context)
    secure.behaviour = lambda talk: talk.reply(b"", 302, "Location: http://images.example.com/")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    try:
        network = Network(secure)
        network.name("images.example.com", [HERE])
        fetcher = fetcher_of(network, context=trusting)
        assert "from https to http" in await refusal(fetcher, "https://images.example.com/")
    finally:
        secure.stop()


# ------------------------------------------------------------------ limits


async def test_too_large(fetcher, server, monkeypatch):
    """The size counts as it arrives; what the server announces is only a reason to stop before."""
    monkeypatch.setattr(image_fetcher, "LARGEST", 1000)
    taken = threading.Event()

    def endless(talk):
        talk.head("Content-Type: image/png", "Transfer-Encoding: chunked")
        talk.chunk(PNG)
        try:
            while True:
                talk.chunk(bytes(100_000))
        except OSError:
            taken.set()
        talk.close()

    server.behaviour = endless
    assert "more than" in await refusal(fetcher, "http://images.example.com/")
    await asyncio.to_thread(taken.wait, 30)
    assert taken.is_set()

    def announced(talk):
        talk.head("Content-Type: image/png", "Content-Length: 1001")
        talk.send(PNG)
        talk.left()
        talk.close()

    server.behaviour = announced
    assert "more than" in await refusal(fetcher, "http://images.example.com/")


async def test_too_large_together(fetcher, server, monkeypatch):
    """All images of a request have a limit, and a number."""
    server.behaviour = serve
    urls = [f"http://images.example.com/{number}" for number in range(3)]
    monkeypatch.setattr(image_fetcher, "LARGEST_TOGETHER", 3 * len(PNG))
    assert len(await fetcher.fetch(urls, PUBLIC)) == 3
    monkeypatch.setattr(image_fetcher, "LARGEST_TOGETHER", 3 * len(PNG) - 1)
    with pytest.raises(Refusal, match="together"):
        await fetcher.fetch(urls, PUBLIC)
    with pytest.raises(Refusal, match="at most 20 images"):
        await fetcher.fetch([f"http://images.example.com/{number}" for number in range(21)], PUBLIC)


@pytest.mark.parametrize("where", ["head", "body", "redirect"])
async def test_too_slow(fetcher, server, monkeypatch, where):
    """A server that takes its time is left, wherever it stops."""
    monkeypatch.setattr(image_fetcher, "SECONDS", 0.3)

    def slow(talk):
        if where == "redirect" and talk.request.target == "/":
            talk.reply(b"", 302, "Location: /next")
            return
        if where == "body":
            talk.head("Content-Type: image/png", "Content-Length: 1000")
            talk.send(PNG)
        talk.left()
        talk.close()

    server.behaviour = slow
    assert "not complete within 0.3 seconds" in await refusal(fetcher, "http://images.example.com/")


async def test_several_at_once(fetcher, server):
    """Images of a request are fetched together, but only four at a time."""
    lock, running, most = threading.Lock(), 0, 0
    four = threading.Barrier(4)

    def behaviour(talk):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        four.wait(30)
        with lock:
            running -= 1
        serve(talk)

    server.behaviour = behaviour
    urls = [f"http://images.example.com/{number}" for number in range(12)]
    assert list(await fetcher.fetch(urls, PUBLIC)) == urls
    assert most == 4


async def test_one_that_fails_ends_the_others(fetcher, server):
    """The first error is the response; nothing waits for the rest."""
    left = threading.Event()

    def behaviour(talk):
        if talk.request.target == "/missing":
            talk.reply(b"", 404)
        else:
            talk.left()
            left.set()
            talk.close()

    server.behaviour = behaviour
    with pytest.raises(Refusal, match="/missing cannot be fetched: its server answers with status 404"):
        await fetcher.fetch(["http://images.example.com/waiting", "http://images.example.com/missing"], PUBLIC)
    await asyncio.to_thread(left.wait, 30)
    assert left.is_set()


# ----------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"body": PNG, "kind": "text/html"}, "not an image"),
        ({"body": PNG, "kind": ""}, "not an image"),
        ({"body": b"<html>", "kind": "image/png"}, "its data are not image/png"),
        ({"body": b"", "kind": "image/png"}, "its data are not image/png"),
        ({"body": b"", "status": 204, "kind": ""}, "status 204"),
        ({"body": b"no", "status": 500}, "status 500"),
        ({"body": b"", "status": 304, "kind": ""}, "status 304"),
    ],
)
async def test_no_image(fetcher, server, reply, message):
    """What comes has to be an image, and to say so."""
    server.behaviour = lambda talk: talk.reply(**reply)
    assert message in await refusal(fetcher, "http://images.example.com/")


async def test_compressed_unasked(fetcher, server):
    """An encoding that was not asked for is not undone: it could hide a large image."""
    server.behaviour = lambda talk: talk.reply(PNG, 200, "Content-Encoding: gzip", kind="image/png")
    assert "compresses" in await refusal(fetcher, "http://images.example.com/")


async def test_a_server_that_breaks_off(fetcher, server):
    """An incomplete image is none."""

    def broken(talk):
        talk.head("Content-Type: image/png", "Content-Length: 1000")
        talk.send(PNG)
        talk.reset()

    server.behaviour = broken
    assert "cannot be fetched" in await refusal(fetcher, "http://images.example.com/")


async def test_messages(fetcher):
    """A message names the URL without its query; one that cannot be understood is not repeated."""
    assert (await refusal(fetcher, "http://missing.example.com/a?key=secret")).startswith(
        "the image http://missing.example.com/a cannot be fetched: "
    )
    assert (await refusal(fetcher, "ftp://user:secret@example.com/")).startswith("the image cannot be fetched: its URL")


async def test_off(fetcher, network):
    """Nothing is fetched, and nothing is wrong."""
    assert await fetcher.fetch(["http://images.example.com/"], ImageRule()) == {}
    assert await NoImages().fetch(["http://images.example.com/"], PUBLIC) == {}
    assert network.asked == []


async def test_nothing_stays_open(fetcher, server):
    """Connections end with the request that they were opened for."""
    left = threading.Event()

    def behaviour(talk):
        serve(talk)
        talk.left()
        left.set()
        talk.close()

    server.behaviour = behaviour
    assert await fetcher.fetch(["http://images.example.com/"], PUBLIC)
    await asyncio.to_thread(left.wait, 30)
    assert left.is_set()
