"""What is wrong with a `service_bus` section."""

import pytest

from gecholog.bus_section import rules
from tests.support.nats_keys import Key, Operator


def found(**section):
    values = {"service_bus": {"hostname": "localhost:4222", "token": "t"} | section}
    return {".".join(map(str, path[1:])): rule for path, rule in rules(values)}


def without_token(**section):
    values = {"service_bus": {"hostname": "localhost:4222"} | section}
    return [(path, rule) for path, rule in rules(values)]


@pytest.mark.parametrize(
    "hostname",
    [
        "localhost:4222",
        "10.0.0.1:1",
        "[::1]:65535",
        "a-b.c:80",
        "my_bus:4222",
        "a:1,b:2",
        ["a:1", "tls://b", "nats://[::1]"],
    ],
)
def test_addresses(hostname):
    """Hosts with ports, and URLs."""
    assert found(hostname=hostname) == {}


@pytest.mark.parametrize(
    "hostname",
    ["", "localhost", "a:0", ":1", "a:65536", "a..b:1", "-a:1", "a:1\n", "a:01", "a:1,", "ws://a:1", "nats://t@a:1"],
)
def test_wrong_addresses(hostname):
    """Text that is not an address is named by its place."""
    assert "must be host:port" in found(hostname=hostname)["hostname"]
    assert found(hostname=["a:1", hostname]).keys() == {"hostname.1"}


def test_credentials_that_are_missing():
    """One of the ways to log in has to be there."""
    [(path, rule)] = without_token()
    assert path == ("service_bus", "token")
    assert rule.startswith("is missing (or give user and password")
    [(path, rule)] = without_token(token="", user="u", password="")
    assert path == ("service_bus", "token")
    assert "must not be empty" in rule
    assert list(rules({})) == []


def test_other_credentials(tmp_path, tls_files):
    """User and password, an NKey, a credentials file or a certificate will do, beside an empty token, too."""
    (tmp_path / "seed").write_text(Key("user").seed)
    creds = Operator().write_credentials(tmp_path / "user.creds")
    certificate = {"certificate_file": str(tls_files.certificate), "private_key_file": str(tls_files.private_key)}
    ways = [
        {"user": "u", "password": "p"},
        {"nkey_file": str(tmp_path / "seed")},
        {"credentials_file": str(creds)},
        {"tls": certificate},
    ]
    for way in ways:
        assert without_token(**way) == []
        assert found(**way | {"token": ""}) == {}
    assert found(password="p").keys() == {"user"}


def test_files(tmp_path, tls_files):
    """Files that are missing, or hold something else, are told without the bus."""
    (tmp_path / "x").write_text("x")
    x, absent = str(tmp_path / "x"), str(tmp_path / "absent")
    assert found(nkey_file=x).keys() == {"nkey_file"}
    assert found(credentials_file=absent).keys() == {"credentials_file"}
    assert "cannot be read" in found(tls={"cert_files": [str(tls_files.authority), absent]})["tls.cert_files.1"]
    assert "cannot be used" in found(tls={"cert_files": [x]})["tls"]
    assert found(tls={"certificate_file": str(tls_files.certificate)}).keys() == {"tls.private_key_file"}
    other, _ = tls_files.issue("other")
    pair = {"certificate_file": str(other), "private_key_file": str(tls_files.private_key)}
    assert "key values mismatch" in found(tls=pair)["tls"]
    assert found(tls={"cert_files": [str(tls_files.authority)], "server_name": "x"}) == {}
