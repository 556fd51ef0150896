"""URLs of images: which are understood, and how."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.images.refused import ImageRefused
from services.gl.images.url import ImageUrl, parsed, redirected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://example.com", ("http", "example.com", 80, "/")),
        ("HTTPS://Example.COM/a/b.png?c=d#e", ("https", "example.com", 443, "/a/b.png?c=d")),
        ("https://example.com./a", ("https", "example.com", 443, "/a")),
        ("https://example.com:80/", ("https", "example.com", 80, "/")),
        ("https://example.com:/", ("https", "example.com", 443, "/")),
        ("https://example.com:8443/a%20b", ("https", "example.com", 8443, "/a%20b")),
        ("https://example.com/ä?ö", ("https", "example.com", 443, "/%C3%A4?%C3%B6")),
        ("https://example.com?a=b", ("https", "example.com", 443, "/?a=b")),
        ("http://127.0.0.1/", ("http", "127.0.0.1", 80, "/")),
        ("http://[2001:DB8:0:0::1]/", ("http", "2001:db8::1", 80, "/")),
        ("http://1.example.com/", ("http", "1.example.com", 80, "/")),
        ("http://my_bucket.example.com/", ("http", "my_bucket.example.com", 80, "/")),
    ],
)
def test_understood(text, expected):
    """Scheme, host, port, and what the server is asked for."""
    assert parsed(text) == ImageUrl(*expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/a.png",
        "//example.com/a.png",
        "/a.png",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:image/png;base64,aGk=",
        "javascript:alert(1)",
        "http:///a.png",
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://:@example.com/",
        "http://example.com:99999/",
        "http://example.com:80a/",
        "http://example.com\\@127.0.0.1/",
        "http://127.0.0.1\\@example.com/",
        "http://exa mple.com/",
        "http://example.com/a b",
        " http://example.com/",
        "http://exam\tple.com/",
        "http://example.com/\r\nHost: other",
        "http://example.com/\x00",
        "http://[::1",
        "http://[::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[v1.a]/",
        "http://[127.0.0.1]/",
        "http://ex%61mple.com/",
        "http://..example.com/",
        "http://a..b/",
        "http://exämple.com/",
        "http://①②⑦.⓪.⓪.①/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://127。0。0。1/",
        f"http://{'a' * 64}.com/",
        f"http://example.com/{'a' * 8192}",
    ],
)
def test_refused(text):
    """What is no URL of a web server, or could be read in two ways."""
    with pytest.raises(ImageRefused):
        parsed(text)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0X7F.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "127.0.0.1.1",
        "127.0.0.01",
        "256.0.0.1",
        "0",
        "0x",
        "1.0x",
        "example.1",
        "127.1.",
    ],
)
def test_unusual_addresses(host):
    """Decimal, octal, hexadecimal and shortened spellings of addresses are refused."""
    with pytest.raises(ImageRefused):
        parsed(f"http://{host}/")


def test_the_query_is_not_told():
    """A URL in a message has no query, which may be a signature."""
    assert str(parsed("https://example.com/a.png?key=secret")) == "https://example.com/a.png"
    assert str(parsed("https://[2606::1]:8443/a")) == "https://[2606::1]:8443/a"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/b.png", "https://example.com/b.png"),
        ("c.png", "https://example.com/a/c.png"),
        ("//cdn.example.com/b", "https://cdn.example.com/b"),
        ("https://other.example.com/", "https://other.example.com/"),
        ("?x", "https://example.com/a/b"),
    ],
)
def test_redirects(location, expected):
    """A redirect may be relative."""
    assert str(redirected(parsed("https://example.com/a/b"), location)) == expected


@pytest.mark.parametrize(
    "location", ["http://example.com/", "ftp://example.com/", "http://[", "//user@a/", "//0x7f.1/"]
)
def test_redirects_that_are_refused(location):
    """It may not leave TLS, and is as strict as the first URL."""
    with pytest.raises(ImageRefused, match="it redirects"):
        redirected(parsed("https://example.com/a"), location)


@given(st.text(st.characters(exclude_categories=())) | st.from_regex(r"https?://[^/]{0,20}/.{0,10}"))
def test_anything(text):
    """Any text is understood or refused, and what is understood is understood again, to the same."""
    try:
        url = parsed(text)
    except ImageRefused:
        return
    assert url.target.isascii()
    assert not set(url.target) & set(" \r\n\t\\#")
    host = f"[{url.host}]" if ":" in url.host else url.host
    assert parsed(f"{url.scheme}://{host}:{url.port}{url.target}") == url
