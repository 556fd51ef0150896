"""Routers: which takes a path, and where its calls go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.routing.routers import (
    Action,
    Origin,
    Router,
    Table,
    action_of,
    has_dot_segment,
    parse_target,
    url_path,
)

paths = st.lists(st.text("aB3", min_size=1, max_size=3), max_size=4).map(
    lambda parts: "/" + "".join(f"{p}/" for p in parts)
)


def table(*names):
    where = parse_target("http://target", "", {})
    return Table([Router(name, {}, where) for name in names])


@given(
    st.lists(paths, min_size=1, max_size=6, unique=True), st.text("/aB3.%2F", max_size=20).map(lambda text: "/" + text)
)
def test_match_is_the_longest_prefix(names, path):
    """The router with the longest path that is a prefix takes a call; if none is, nobody does."""
    found = table(*names).match(path)
    prefixes = [name for name in names if path.startswith(name)]
    assert (found.path if found else None) == max(prefixes, key=len, default=None)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/a/", "/a/"), ("/a/x", "/a/"), ("/a/b/x", "/a/b/"), ("/a/b", "/a/"), ("/ab/", "/"), ("/a", "/"), ("//a/", "/")],
)
def test_match(path, expected):
    """Whole segments count; `/` takes what no other takes."""
    assert table("/", "/a/", "/a/b/").match(path).path == expected


def test_match_does_not_decode():
    """An encoded slash is no slash, and letter case counts."""
    routers = table("/a/b/")
    assert routers.match("/a%2Fb/x") is None
    assert routers.match("/A/b/x") is None


def test_lacks_slash():
    """A router's path without its last slash is known as such."""
    routers = table("/a/b/", "/c/")
    assert routers.lacks_slash("/a/b")
    assert not routers.lacks_slash("/a/b/")
    assert not routers.lacks_slash("/a")


def test_get_takes_exact_paths_only():
    """A processor chooses a router by its whole path; whatever else it writes is none."""
    routers = table("/a/")
    assert routers.get("/a/").path == "/a/"
    assert [routers.get(value) for value in ("/a", "/a/x", None, 3, ["/a/"], {})] == [None] * 6


@pytest.mark.parametrize(
    "path",
    [
        "/..",
        "/.",
        "/a/../b",
        "/a/./b",
        "/a/..",
        "/%2e%2e/b",
        "/%2E%2e/b",
        "/.%2e/b",
        "/%2e./b",
        "/a/%2e/b",
        "/../",
        "/a/..%2fb",
        "/a/%2e%2e%2Fb",
        "/a%2f../b",
        "/a/..%5cb",
        "/a/..\\b",
        "/a/..;x/b",
    ],
)
def test_dot_segments_are_found(path):
    """Segments that lead elsewhere are found, encoded or not, whatever a target may take for their end."""
    assert has_dot_segment(path)


def test_paths_with_dots_and_the_like():
    """They are matched as they are: a dot stands for a dot."""
    routers = table("/", "/v1.0/", "/v1.0/my-model_2/")
    paths = ("/v1.0/x", "/v1x0/x", "/v1.0/my-model_2/x", "/v1.0/my-model.2/x")
    assert [routers.match(path).path for path in paths] == ["/v1.0/", "/", "/v1.0/my-model_2/", "/v1.0/"]
    assert routers.lacks_slash("/v1.0")


@pytest.mark.parametrize("path", ["/", "/a.b/c..d", "/...", "/.a", "/a./b", "/%2f", "/a%2Fb", "/a..", "/v1.0/x;a=..b"])
def test_dots_elsewhere_are_no_dot_segments(path):
    """Dots inside of names are ordinary."""
    assert not has_dot_segment(path)


@pytest.mark.parametrize(
    ("url", "origin", "authority"),
    [
        ("http://host", Origin("http", "host", 80), "host"),
        ("https://host", Origin("https", "host", 443), "host"),
        ("http://host:443/x", Origin("http", "host", 443), "host:443"),
        ("https://host:443", Origin("https", "host", 443), "host"),
        ("HTTPS://Host:8443/", Origin("https", "host", 8443), "host:8443"),
        ("http://[::1]:8080/x", Origin("http", "::1", 8080), "[::1]:8080"),
    ],
)
def test_origin(url, origin, authority):
    """Scheme, host and port of a url, and the Host header made of them."""
    assert parse_target(url, "", {}).origin == origin
    assert origin.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "ftp://host",
        "http://",
        "http:///x",
        "//host",
        "http://user:pass@host",
        "http://@host",
        "http://host:x",
        "http://host:99999",
        "http://ho st",
        "http://host/a b",
        "http://host/\r\nX: y",
        "http://host/#f",
        "http://hö.de",
        "http://[::1",
    ],
)
def test_url_that_is_no_address_is_refused(url):
    """Only http and https addresses without credentials, blanks, fragments and line breaks are taken."""
    with pytest.raises(ValueError, match=r"."):
        parse_target(url, "", {})


@pytest.mark.parametrize(
    ("url", "endpoint", "subpath", "expected"),
    [
        ("http://h", "", "", ("http://h", "/")),
        ("http://h/", "", "", ("http://h/", "/")),
        ("http://h", "", "a/b", ("http://h/a/b", "/a/b")),
        ("http://h/", "", "a/b", ("http://h/a/b", "/a/b")),
        ("http://h/v1", "", "a", ("http://h/v1/a", "/v1/a")),
        ("http://h/v1/", "", "a", ("http://h/v1/a", "/v1/a")),
        ("http://h/v1", "", "", ("http://h/v1", "/v1")),
        ("http://h/v1/", "", "", ("http://h/v1/", "/v1/")),
        ("http://h/v1", "", "/a", ("http://h/v1//a", "/v1//a")),
        ("http://h/v1", "x/y", "a", ("http://h/v1/x/y", "/v1/x/y")),
        ("http://h/v1/", "/x", "a", ("http://h/v1/x", "/v1/x")),
        ("http://h", "/x?y=1", "a", ("http://h/x", "/x")),
        ("http://h/v1", "/", "a", ("http://h/v1/a", "/v1/a")),
        ("http://h", "/", "", ("http://h", "/")),
        ("http://h/v1?k=1", "", "a", ("http://h/v1/a", "/v1/a")),
    ],
)
def test_url_path(url, endpoint, subpath, expected):
    """An endpoint replaces the sub path, which is else forwarded as received; one slash is between the parts."""
    assert url_path(parse_target(url, endpoint, {}), subpath, changed=False) == expected


def test_url_path_of_a_processor():
    """A processor may write a sub path with or without a first slash."""
    where = parse_target("http://h/v1", "", {})
    assert url_path(where, "a", changed=True) == url_path(where, "/a", changed=True) == ("http://h/v1/a", "/v1/a")


def test_action():
    """Routers below `/echo/` answer with the request that would be sent, all others forward it."""
    assert [action_of(path) for path in ("/echo/", "/echo/x/", "/echos/", "/a/echo/")] == [
        Action.ECHO,
        Action.ECHO,
        Action.FORWARD,
        Action.FORWARD,
    ]
