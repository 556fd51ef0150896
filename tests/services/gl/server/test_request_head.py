"""Heads of requests that llhttp lets pass."""

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.server import request_head
from services.gl.server.refusals import HeadRefusal

RTSP_ONLY = [
    "ANNOUNCE",
    "DESCRIBE",
    "FLUSH",
    "GET_PARAMETER",
    "PAUSE",
    "PLAY",
    "RECORD",
    "REDIRECT",
    "SETUP",
    "SET_PARAMETER",
    "TEARDOWN",
]


class Seen:
    """What llhttp takes a request for."""

    def __init__(self, raw):
        self.parser = httptools.HttpRequestParser(self)
        self.is_taken = False
        self.parser.feed_data(raw)

    def on_headers_complete(self):
        self.is_taken = True

    @property
    def method(self):
        return self.parser.get_method().decode()

    @property
    def version(self):
        return self.parser.get_http_version()


def status_of(method, version):
    try:
        request_head.check(method, version, {"Host": ["g"]})
    except HeadRefusal as refusal:
        return refusal.status
    return 0


@pytest.mark.parametrize(
    "line",
    [f"{method} /x RTSP/1.0" for method in RTSP_ONLY]
    + [f"{method} /x HTTP/{version}" for method in ("GET", "POST") for version in ("0.9", "2.0")]
    + ["SOURCE /x ICE/1.0", "SOURCE /x HTTP/1.1"],
)
def test_other_protocols_are_refused_by_method_or_version(line):
    """llhttp takes these; we know them by what it says of them."""
    seen = Seen(f"{line}\r\nHost: g\r\n\r\n".encode())
    assert seen.is_taken
    assert status_of(seen.method, seen.version) == 505


@pytest.mark.parametrize(
    ("method", "status"), [("CONNECT", 501), ("TRACE", 501), ("GET", 0), ("QUERY", 0), ("PURGE", 0)]
)
def test_methods(method, status):
    """CONNECT is for proxies, and a response to TRACE would show the keys that a router adds; others pass."""
    assert status_of(method, "1.1") == status


@given(st.lists(st.sampled_from([b" RTSP/", b" RTS", b"P/", b"GET /x", b"\r\n", b"a"])).map(b"".join))
def test_nothing_is_lost_where_data_is_cut(data):
    """The pieces are the data; each that has RTSP behind it is one byte."""
    pieces = list(request_head.split_at_rtsp(data))
    assert b"".join(piece for piece, _ in pieces) == data
    assert all(len(piece) == 1 for piece, is_before in pieces if is_before)
    assert sum(is_before for _, is_before in pieces) == data[1:].count(b" RTSP/")


def test_rtsp_over_several_pieces_of_data():
    """Its name may come byte by byte."""
    rest = request_head.possible_rtsp(b"GET /x R", b"/x")
    assert rest == b" R"
    for byte in b"TSP":
        rest = request_head.continue_rtsp(rest, bytes([byte]))
        assert rest is not None
    with pytest.raises(HeadRefusal):
        request_head.continue_rtsp(rest, b"/1.0\r\n")


@pytest.mark.parametrize("data", [b"GET /x HTTP/1.1\r\nX: a", b"GET /x H", b"GET /xyz"])
def test_what_cannot_become_rtsp(data):
    """HTTP's own name ends the watch."""
    assert request_head.possible_rtsp(data, b"/x") is None
