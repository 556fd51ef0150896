"""The pool of servers."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gecholog.server_address import ServerAddress
from gecholog.server_pool import ServerPool

ADDRESSES = st.builds(ServerAddress, st.sampled_from(["a", "b", "10.0.0.1", "::1"]), st.integers(1, 3))
A, B = ServerAddress("a", 1), ServerAddress("b", 2)


@given(st.lists(ADDRESSES, min_size=1, unique=True), st.lists(ADDRESSES), st.randoms(use_true_random=False))
def test_each_server_once(configured, told, random):
    """The order has each server once, the configured ones first, and the one that was lost last."""
    pool = ServerPool(configured, random)
    pool.discover(map(str, told), configured[0])
    for last in (None, *pool.servers, ServerAddress("unknown", 1)):
        order = pool.order(last)
        assert sorted(order, key=str) == sorted(pool.servers, key=str)
        if last in order:
            assert order[-1] == last
        else:
            assert set(order[: len(configured)]) == set(configured)


@given(st.lists(st.text()))
def test_nonsense_is_passed_over(told):
    """A server may name what it likes."""
    pool = ServerPool([A], Random(1))
    pool.discover(told, A)
    assert pool.servers[0] == A


def test_discovered():
    """What the cluster tells replaces what it told before; only what is new is returned."""
    pool = ServerPool([A], Random(1))
    assert pool.discover(["a:1", "b:2"], A) == [B]
    assert pool.discover(["b:2"], A) == []
    assert pool.servers == (A, B)
    assert pool.discover([], A) == []
    assert pool.servers == (A,)


def test_certificates_of_discovered_servers():
    """An IP address that a server names is checked for the name of the server that named it."""
    pool = ServerPool([ServerAddress("bus.internal", 1, tls=True)], Random(1))
    found = pool.discover(["10.0.0.2:1", "other.internal:1"], pool.servers[0])
    assert found == [
        ServerAddress("10.0.0.2", 1, tls=True, certificate_name="bus.internal"),
        ServerAddress("other.internal", 1, tls=True),
    ]
    [third] = pool.discover(["10.0.0.2:1", "10.0.0.3:1"], found[0])
    assert third.certificate_name == "bus.internal"


def test_random_order():
    """Clients spread over the servers."""
    servers = [ServerAddress(f"s{number}", 1) for number in range(3)]
    assert {ServerPool(servers, Random(seed)).order()[0] for seed in range(30)} == set(servers)
