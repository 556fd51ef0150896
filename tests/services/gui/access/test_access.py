"""Addresses, links, wrong passwords, cross-site requests: pure functions."""

import asyncio
import threading
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from services.gui.access import cross_site, links
from services.gui.access.attempts import SignInAttempts
from services.gui.access.client_address import client_of
from services.gui.fair_slots import TooBusy
from services.gui.store import password

PROXIES = (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.1.1.1", "198.51.100.7"),
        ("10.0.0.1", "not an address", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_are_believed(peer, forwarded, expected):
    headers = CIMultiDict({"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"})
    client = client_of(peer, headers, PROXIES, is_tls=False)
    assert client.address == expected
    assert client.is_secure == peer.startswith("10.")


def test_what_a_visitor_sends_does_not_hide_the_line_of_a_proxy():
    headers = CIMultiDict([("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "198.51.100.7")])
    headers.extend([("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")])
    client = client_of("10.0.0.1", headers, PROXIES, is_tls=False)
    assert (client.address, client.is_secure) == ("198.51.100.7", False)


def test_an_ipv6_visitor_has_a_whole_network():
    visitor = client_of("2001:db8::7", CIMultiDict(), (), is_tls=True)
    assert (visitor.origin_network, visitor.neighbourhood) == ("2001:db8::/64", "2001:db8::/48")
    assert client_of("192.0.2.7", CIMultiDict(), (), is_tls=True).neighbourhood == "192.0.2.0/24"
    assert client_of("", CIMultiDict(), (), is_tls=True).neighbourhood == ""


@pytest.mark.parametrize(
    ("current", "target", "expected"),
    [("/", "/login", "./login"), ("/gl/menu", "/login", "../login"), ("/a/b/c", "/x/y", "../../x/y")],
)
def test_links_are_relative(current, target, expected):
    assert links.relative(current, target) == expected


@given(st.text(max_size=30))
def test_a_local_address_names_no_other_host(text):
    if links.is_local(f"/{text}"):
        assert not text.startswith(("/", "\\"))
        assert "\\" not in text


def test_requests_of_other_sites_are_told_apart():
    host = "gui.example:8080"
    assert not cross_site.problem({}, host)
    assert not cross_site.problem({"Origin": "http://gui.example:8080"}, host)
    assert not cross_site.problem({"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.proxy"}, host)
    assert cross_site.problem({"Origin": "http://gui.example"}, host)
    assert cross_site.problem({"Origin": "null"}, host)
    assert cross_site.problem({"Sec-Fetch-Site": "same-site"}, host)
    assert cross_site.problem({"Sec-Fetch-Site": "cross-site", "Origin": "http://gui.example:8080"}, host)


@given(st.text(st.characters(max_codepoint=127), min_size=1, max_size=60), st.text(max_size=60))
def test_a_form_carries_the_token_of_its_session_and_no_other(token, other):
    assert cross_site.is_token(cross_site.masked(token), token)
    assert not cross_site.is_token(token, token)
    assert not cross_site.is_token(cross_site.masked(token), "")
    assert other == token or not cross_site.is_token(other, token)
    assert other == token or not cross_site.is_token(cross_site.masked(other), token)


def test_each_page_has_another_text_of_the_token():
    assert len({cross_site.masked("token") for _ in range(20)}) == 20


def test_an_address_is_locked_after_the_limit_and_only_for_that_account():
    attempts = SignInAttempts(2, 60)
    assert [attempts.failed("a", "admin", 0) for _ in range(3)] == [0, 0, 60]
    assert attempts.locked_for("a", "admin", 59) == 1
    assert attempts.locked_for("a", "admin", 60) == 0
    assert attempts.locked_for("b", "admin", 1) == 0
    assert attempts.locked_for("a", "other", 1) == 0
    assert attempts.delay("admin", 1) == 0
    attempts.failed("b", "admin", 2)
    assert attempts.delay("admin", 2) > 0
    attempts.succeeded("a", "admin")
    assert attempts.locked_for("a", "admin", 3) == 0


def test_an_address_that_tries_many_accounts_is_locked_for_all():
    attempts = SignInAttempts(2, 60)
    for number in range(9):
        attempts.failed("a", f"user{number}", 0)
    assert attempts.locked_for("a", "yet another", 1) > 0
    assert attempts.locked_for("b", "yet another", 1) == 0


def test_attempts_at_the_same_time_are_no_more_than_the_limit_leaves():
    attempts = SignInAttempts(2, 60)
    begun = 0
    while not attempts.locked_for("a", "admin", 0):
        attempts.begin("a", "admin")
        begun += 1
    assert begun == 3  # the limit, and the one that locks
    assert attempts.locked_for("b", "admin", 0) == 0
    for _ in range(begun):
        attempts.end("a", "admin")
        assert attempts.lock_left("a", "admin", 0) == 0
        attempts.failed("a", "admin", 0)
    assert attempts.locked_for("a", "admin", 0) == 60
    assert not attempts.locked_for("a", "admin", 60)
    attempts.begin("a", "admin")
    assert attempts.locked_for("a", "admin", 60)  # after the lock, one at a time


def test_an_address_has_few_attempts_at_the_same_time_without_a_limit():
    attempts = SignInAttempts(0, 60)
    for number in range(5):
        assert not attempts.locked_for("a", f"user{number}", 0)
        attempts.begin("a", f"user{number}")
    assert attempts.locked_for("a", "another", 0)
    assert not attempts.locked_for("b", "another", 0)
    attempts.end("a", "user0")
    assert not attempts.locked_for("a", "another", 0)


async def test_many_addresses_do_not_keep_others_from_signing_in(monkeypatch):
    """An attacker fills the queue; a new address and a known one get in, and the second comes first."""
    may_go, order = threading.Event(), []

    def slow(given, _):
        may_go.wait()
        order.append(given)
        return True

    monkeypatch.setattr(password, "hashed", lambda _: "x")
    monkeypatch.setattr(password, "fits", slow)
    hasher = password.PasswordHasher()
    attack = [asyncio.create_task(hasher.fits("wrong", "x", f"198.51.{n % 30}.0/24")) for n in range(200)]
    await asyncio.sleep(0.01)
    new = asyncio.create_task(hasher.fits("new", "x", "192.0.2.0/24"))
    known = asyncio.create_task(hasher.fits("known", "x", "203.0.113.0/24", is_known=True))
    await asyncio.sleep(0.01)
    may_go.set()
    results = await asyncio.gather(*attack, new, known, return_exceptions=True)
    assert results[-2:] == [True, True]
    assert sum(isinstance(one, TooBusy) for one in results) > 100
    assert order.index("known") <= 4
    assert "new" in order[:40]  # one of each network comes before it, not all of them


def test_counts_are_bounded():
    attempts = SignInAttempts(5, 60)
    for number in range(30_000):
        attempts.failed(f"a{number}", "admin", 0)
    assert len(attempts._counts) <= 10_000
