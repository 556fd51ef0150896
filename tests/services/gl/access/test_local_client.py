"""Which requests count as made by a program on this machine."""

import pytest

from gecholog.headers import canonical
from services.gl.access.local_client import is_local


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::1%lo", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("192.0.2.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_peers(peer, expected):
    """The peer has to be a loopback address."""
    assert is_local(peer, {}) is expected


@pytest.mark.parametrize(
    "name",
    [
        *("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"),
        *("x-client-ip", "CF-Connecting-IP", "True-Client-IP", "X-Forwarded-Port", "X-Forwarded-User", "CDN-Loop"),
    ],
)
def test_proxies(name):
    """What a proxy adds tells that the client may be elsewhere, whatever its value is."""
    assert not is_local("127.0.0.1", {canonical(name): [""]})


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:3000", True),
        ("https://127.0.0.1", True),
        ("http://[::1]:8080", True),
        ("http://app.localhost", True),
        ("https://evil.example", False),
        ("https://localhost.evil.example", False),
        ("https://evillocalhost", False),
        ("http://[::1", False),
        ("null", False),
        ("", False),
        ("https://page.example", True),
    ],
)
def test_pages(origin, expected):
    """A web page has to be served by this machine, or to be one that the router allows by name."""
    assert is_local("127.0.0.1", {"Origin": [origin]}, {"https://page.example", "*"}) is expected


def test_any_page_is_nobody_by_name():
    """`*` lets pages read responses, but does not hand them the operator's keys."""
    assert not is_local("127.0.0.1", {"Origin": ["https://evil.example"]}, {"*"})


def test_each_value_counts():
    """One page from elsewhere is enough."""
    assert not is_local("127.0.0.1", {"Origin": ["http://localhost", "https://evil.example"]})


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:5380", True),
        ("LOCALHOST.", True),
        ("127.0.0.1:5380", True),
        ("[::1]:5380", True),
        ("my-laptop:5380", True),
        ("gl.localhost", True),
        ("page.example:5380", False),
        ("page.example.", False),
        ("192.0.2.1", False),
        ("[2001:db8::1]", False),
        ("localhost.page.example", False),
        ("[::1", False),
        ("user@localhost", True),
        ("", False),
    ],
)
def test_hosts(host, expected):
    """A name that someone can register may have been made to point here."""
    assert is_local("127.0.0.1", {"Host": [host]}) is expected


@pytest.mark.parametrize(("site", "expected"), [("cross-site", False), ("same-origin", True), ("none", True)])
def test_requests_that_a_page_makes_without_saying_so(site, expected):
    """A browser tells of a page from elsewhere also where it sends no `Origin`."""
    assert is_local("127.0.0.1", {"Sec-Fetch-Site": [site]}) is expected
    listed = {"Sec-Fetch-Site": [site], "Origin": ["https://page.example"]}
    assert is_local("127.0.0.1", listed, {"https://page.example"})
