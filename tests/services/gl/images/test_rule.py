"""The option `fetch_images`."""

import pytest

from services.gl.images.refused import ImageRefused
from services.gl.images.rule import ImageRule, host_problem, problem
from services.gl.images.url import parsed

LISTED = ["images.example.com", "CDN.example.com.:8443", "[2606::1]:80", "93.184.216.34"]


def is_allowed(option, url):
    try:
        ImageRule.of(option).check(parsed(url))
    except ImageRefused:
        return False
    return True


@pytest.mark.parametrize("url", ["http://example.com/", "https://images.example.com/"])
def test_off(url):
    """Nothing is fetched, which is what a router without the option does."""
    assert not is_allowed("off", url)
    assert ImageRule() == ImageRule.of("off")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://example.com/", True),
        ("https://example.com/", True),
        ("http://example.com:443/", True),
        ("http://example.com:8080/", False),
        ("http://example.com:22/", False),
        ("http://example.com:0/", False),
    ],
)
def test_public(url, expected):
    """Any host, with the ports of web servers."""
    assert is_allowed("public", url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://images.example.com/a", True),
        ("https://IMAGES.example.com./a", True),
        ("http://images.example.com/a", True),
        ("https://images.example.com:8443/a", False),
        ("https://cdn.example.com:8443/a", True),
        ("https://cdn.example.com/a", False),
        ("https://other.images.example.com/a", False),
        ("https://example.com/a", False),
        ("http://[2606:0::1]/", True),
        ("https://93.184.216.34/", True),
    ],
)
def test_hosts(url, expected):
    """A listed host, with the listed port or else those of web servers. Subdomains are other hosts."""
    assert is_allowed(LISTED, url) == expected


@pytest.mark.parametrize("text", LISTED)
def test_good_entries(text):
    assert host_problem(text) == ""


@pytest.mark.parametrize(
    "text",
    ["", "*", "*.example.com", "https://a", "a/b", "a:b", "a:0", "a b", "user@a", "0x7f.1", "[::1", "a:99999", "ä"],
)
def test_bad_entries(text):
    """An entry is a host, perhaps with a port."""
    assert host_problem(text).startswith("must be")


def test_words():
    assert [problem(word) for word in ("off", "public", ["a"])] == ["", "", ""]
    assert problem("on") == "must be off, public or a list of hosts"
