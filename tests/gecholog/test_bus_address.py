"""Where the bus is: from a section of a config, and from the environment."""

import pytest

from gecholog.bus_address import BusAddress
from gecholog.credentials import Credentials
from gecholog.server_address import ServerAddress
from gecholog.tls import BusTls, OutboundTls

A, B = ServerAddress("a", 1), ServerAddress("b", 2)


@pytest.mark.parametrize("hostname", ["a:1,b:2", "a:1, b:2", ["a:1", "b:2"], ["nats://a:1", "nats://b:2/"]])
def test_several_servers(hostname):
    """A list, or a text with commas."""
    address = BusAddress.of_section({"hostname": hostname, "token": "t"})
    assert address == BusAddress((A, B), Credentials("t"))
    assert address.hostname == "a:1, b:2"


def test_section():
    """All fields of a section arrive."""
    fields = {"token": "t", "user": "u", "password": "p", "nkey_file": "n", "credentials_file": "c"}
    tls = {"cert_files": ["ca"], "certificate_file": "cert", "private_key_file": "key", "server_name": "bus"}
    address = BusAddress.of_section({"hostname": "tls://a:1", "tls": tls | {"handshake_first": True}} | fields)
    assert address.servers == (ServerAddress("a", 1, tls=True),)
    assert address.credentials == Credentials("t", "u", "p", "n", "c")
    assert address.tls == BusTls(OutboundTls(False, False, ("ca",)), "cert", "key", "bus", True)
    assert BusAddress.of_section({"hostname": "a:1", "tls": {}}).tls == BusTls(OutboundTls(False, True, ()))


@pytest.mark.parametrize(
    ("host", "hostname"),
    [
        (None, "localhost:4222"),
        ("", "localhost:4222"),
        ("gecholog", "gecholog:4222"),
        ("192.0.2.7:4333", "192.0.2.7:4333"),
        ("[::1]", "[::1]:4222"),
        ("[::1]:4333", "[::1]:4333"),
        ("::1", "[::1]:4222"),
        ("a,b:2", "a:4222, b:2"),
        ("nats://host", "host:4222"),
    ],
)
def test_environment(host, hostname):
    """GECHOLOG_HOST is a host, or a host and a port, or several of them."""
    environ = {"NATS_TOKEN": "token"} | ({} if host is None else {"GECHOLOG_HOST": host})
    assert BusAddress.of_environment(environ) == BusAddress.of(hostname, "token")
    assert BusAddress.of_environment({}).credentials.is_empty


@pytest.mark.parametrize("host", ["host:", "host:port", ":4222", "ws://host:4222", "host:٣", "a,,b", "user@host"])
def test_no_address_in_the_environment(host):
    """Anything else is refused."""
    with pytest.raises(ValueError, match="GECHOLOG_HOST"):
        BusAddress.of_environment({"GECHOLOG_HOST": host})


def test_credentials_in_the_environment():
    """The variables of the NATS command line count."""
    environ = {"NATS_USER": "u", "NATS_PASSWORD": "p", "NATS_NKEY": "n", "NATS_CREDS": "c"}
    assert BusAddress.of_environment(environ).credentials == Credentials("", "u", "p", "n", "c")
    assert BusAddress.of_environment({"NATS_CA": "ca"}).tls == BusTls(OutboundTls(False, False, ("ca",)))
    tls = BusAddress.of_environment({"NATS_CERT": "c", "NATS_KEY": "k"}).tls
    assert tls == BusTls(OutboundTls(False, True, ()), "c", "k")


def test_secrets_are_not_shown():
    address = BusAddress.of("a:1", "TheToken")
    assert "TheToken" not in f"{address!r} {address.hostname}"
