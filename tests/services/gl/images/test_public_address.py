"""Which addresses are public: each class of special ones is not, however it is written."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.gl.images.public_address import is_public

SPECIAL = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "unspecified": ["0.0.0.0", "::"],  # noqa: S104 - no address to bind
    "this host": ["0.1.2.3"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
    "link-local": ["169.254.169.254", "fe80::1"],
    "behind a provider's NAT": ["100.64.0.1", "100.100.100.200", "100.127.255.255"],
    "protocol assignments": ["192.0.0.8", "192.0.0.192", "2001::1", "2001:1::1", "2001:2::1", "2001:20::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "5f00::1", "4000::1", "8000::1", "e000::1"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:93.184.216.34", "::ffff:0:127.0.0.1"],
    "IPv4-compatible": ["::127.0.0.1", "::93.184.216.34"],
    "6to4": ["2002:7f00:1::1", "2002:5db8:d822::1", "192.88.99.1"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::5db8:d822", "64:ff9b:1::1"],
    "unique local": ["fc00::1", "fd00:ec2::254"],
    "site-local": ["fec0::1"],
    "discard": ["100::1"],
    "of a cloud": ["168.63.129.16"],
    "with a zone": ["fe80::1%eth0", "2606:2800:220:1::1%eth0", "93.184.216.34%1"],
    "no address": ["", "example.com", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "93.184.216.34 ", "[::1]"],
}
PUBLIC = ["93.184.216.34", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "9.255.255.255", "223.255.255.255"]
PUBLIC += ["2606:2800:220:1:248:1893:25c8:1946", "2a00:1450:4001:80b::200e", "2001:4860:4860::8888"]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in SPECIAL.items() for text in texts])
def test_special(kind, text):
    """No address with a special purpose is public."""
    assert not is_public(text), kind


@pytest.mark.parametrize("text", PUBLIC)
def test_public(text):
    """Others are, next to special ones as well."""
    assert is_public(text)


@given(st.ip_addresses(v=4))
@example(IPv4Address("93.184.216.34"))
def test_embedded(four):
    """No address that carries an IPv4 address inside is public, whatever that one is."""
    number = int(four)
    for six in (
        0xFFFF << 32 | number,  # IPv4-mapped
        number,  # IPv4-compatible
        0x2002 << 112 | number << 80 | 1,  # 6to4
        0x20010000 << 96 | number ^ 0xFFFFFFFF,  # Teredo
        0x64FF9B << 96 | number,  # NAT64
        0x64FF9B0001 << 80 | number,  # NAT64 of a network
    ):
        assert not is_public(str(IPv6Address(six)))


@given(st.ip_addresses())
def test_never_more_than_python(address):
    """What Python takes for private, loopback or the like is not public here either, however it is written."""
    is_special = address.is_private or address.is_multicast or address.is_reserved or address.is_link_local
    assert not (is_special and is_public(str(address)))
    assert is_public(str(address)) == is_public(address.exploded)


@given(st.text())
def test_anything(text):
    """Any text has a response."""
    if is_public(text):
        assert ip_address(text).is_global
