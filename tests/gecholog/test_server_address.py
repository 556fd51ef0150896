"""Addresses of servers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.server_address import ServerAddress, parse_servers


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("h:1", ServerAddress("h", 1)),
        ("h", ServerAddress("h", 4222)),
        ("my_bus-1.internal:4222", ServerAddress("my_bus-1.internal", 4222)),
        ("[::1]:5", ServerAddress("::1", 5)),
        ("[::1]", ServerAddress("::1", 4222)),
        ("::1", ServerAddress("::1", 4222)),
        ("1.2.3.4:6", ServerAddress("1.2.3.4", 6)),
        ("nats://h", ServerAddress("h", 4222)),
        ("nats://h:7/", ServerAddress("h", 7)),
        ("tls://h:7", ServerAddress("h", 7, tls=True)),
        ("tls://[2001:db8::1]:7", ServerAddress("2001:db8::1", 7, tls=True)),
    ],
)
def test_forms(text, address):
    """A host with or without a port, and URLs of it."""
    assert ServerAddress.parse(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":1",
        "h:",
        "h:x",
        "h:0",
        "h:65536",
        "h:٣",
        "a b",
        "a..b",
        "-a",
        "ws://h",
        "http://h",
        "tls://",
        "h/",
        "h:1/x",
    ],
)
def test_invalid_forms(text):
    """Anything else is refused."""
    with pytest.raises(ValueError, match="must"):
        ServerAddress.parse(text)


@pytest.mark.parametrize("text", ["nats://SecretToken@h:1", "nats://user:SecretToken@h", "SecretToken@h"])
def test_credentials_are_refused(text):
    """Credentials in an address would end up in logs; the message does not hold them either."""
    with pytest.raises(ValueError, match="must") as caught:
        ServerAddress.parse(text)
    assert "SecretToken" not in str(caught.value)


@given(st.text())
def test_any_text(text):
    """Any text is an address, or a ValueError."""
    try:
        address = ServerAddress.parse(text)
    except ValueError:
        return
    assert ServerAddress.parse(str(address)) == ServerAddress(address.host, address.port)


def test_several():
    """Commas divide servers; one that is named twice counts once."""
    assert parse_servers("a:1, b:2,a:1") == (ServerAddress("a", 1), ServerAddress("b", 2))
    with pytest.raises(ValueError, match="must"):
        parse_servers("a:1,,b:2")


def test_ip():
    """An IP address is told from a name."""
    assert [ServerAddress.parse(text).is_ip for text in ("10.0.0.1:1", "[::1]:1", "a1.b:1")] == [True, True, False]
