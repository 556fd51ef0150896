"""Addresses as `host:port`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.host_port import join, split

PORTS = st.integers(1, 65535)
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
ADDRESSES = st.ip_addresses().map(str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("", None)),
        ("h", ("h", None)),
        ("h:1", ("h", 1)),
        ("h:65535", ("h", 65535)),
        (":4222", ("", 4222)),
        ("192.0.2.7:4333", ("192.0.2.7", 4333)),
        ("::1", ("::1", None)),
        ("fd00::1:4222", ("fd00::1:4222", None)),
        ("[::1]", ("::1", None)),
        ("[::1]:5", ("::1", 5)),
    ],
)
def test_split(text, expected):
    """A port may be missing, and so may the host; the colons of an IPv6 address are not taken for the port's."""
    assert split(text) == expected


@pytest.mark.parametrize(
    "text", ["h:", "h:x", "h:0", "h:65536", "h:٣", "h:²", "h:-1", "h:+1", "[::1]:", ":", "h:" + "9" * 5000]
)
def test_ports_that_are_none(text):
    with pytest.raises(ValueError, match="port from 1 to 65535"):
        split(text)


@pytest.mark.parametrize("text", ["nats://h:4222", "h:4222/x", "10.0.0.0/8"])
def test_what_is_more_than_an_address(text):
    with pytest.raises(ValueError, match="host or host:port"):
        split(text)


@given(NAMES | ADDRESSES, PORTS)
def test_round_trip(host, port):
    assert split(join(host, port)) == (host, port)


@given(st.text())
def test_any_text(text):
    """Two parts or a ValueError, and what has been split can be joined and split again."""
    try:
        host, port = split(text)
    except ValueError:
        return
    assert port is None or 0 < port <= 65535
    assert "/" not in host
