"""Rules for the head of a request that llhttp does not enforce (RFC 9112). Pure.

In its strict mode llhttp refuses ambiguous heads: a bare LF, folded headers, a Content-Length twice or beside a
Transfer-Encoding, bad chunk sizes, control characters. But it also reads what is not HTTP: request lines of RTSP and of
Icecast (`GET /x RTSP/1.0`, `SOURCE /x ICE/1.0`), and the first line of HTTP/2 (`PRI * HTTP/2.0`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog import headers
from services.gl.server.refusals import HeadRefusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gecholog.headers import Headers

_ONCE = ("Host", "Content-Length", "Transfer-Encoding")
# Headers that need a closer look.
_SPECIAL = frozenset({"Transfer-Encoding", "Upgrade", "Expect"})
_VERSIONS = frozenset({"1.1", "1.0"})

NOT_HTTP = "protocol not supported"
RTSP = b" RTSP/"
# Methods of RTSP (RFC 2326) and Icecast. llhttp takes the former only with RTSP's name behind the target; it takes GET,
# POST and OPTIONS with that as well, which shows only in the request line itself.
_OTHER_METHODS = frozenset(
    {
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
        "SOURCE",
        "TEARDOWN",
    }
)
# CONNECT is for proxies. A response to TRACE repeats the request as the upstream got it (RFC 9110, section 9.3.8), with
# the keys that the router put into it.
_UNSUPPORTED = frozenset({"CONNECT", "TRACE"})


def check(method: str, version: str, received: Headers) -> None:
    """Check a head that llhttp accepts. `version` is for example `1.1`. Raises HeadRefusal."""
    if version not in _VERSIONS:
        raise HeadRefusal(505, "HTTP version not supported")
    if method in _OTHER_METHODS:
        raise HeadRefusal(505, NOT_HTTP)
    if method in _UNSUPPORTED:
        raise HeadRefusal(501, f"method {method} is not supported")
    for name in _ONCE:
        if name in received and len(received[name]) > 1:
            raise HeadRefusal(400, f"header {name.lower()} more than once")
    if "Host" not in received and version == "1.1":
        raise HeadRefusal(400, "header host missing")  # RFC 9112, section 3.2
    if not _SPECIAL.isdisjoint(received):
        _check_special(received, version)


def _check_special(received: Headers, version: str) -> None:
    coding = received.get("Transfer-Encoding")
    if coding is not None and (coding[-1].lower() != "chunked" or version == "1.0"):
        raise HeadRefusal(501, "transfer encoding not supported")
    upgrade = ",".join(received.get("Upgrade", ())).lower()
    if upgrade and "upgrade" in ",".join(received.get("Connection", ())).lower() and "h2c" not in upgrade:
        raise HeadRefusal(501, "upgrade (WebSocket) is not supported")
    if "Expect" in received and headers.last(received, "Expect").lower() != "100-continue":
        raise HeadRefusal(417, "expectation not supported")


def target(url: bytes, method: str) -> str:
    """Path and query of a request target (RFC 9112, section 3.2). Raises HeadRefusal if it is malformed."""
    try:
        text = url.decode("ascii")
    except UnicodeDecodeError:
        raise HeadRefusal(400, "malformed request target") from None
    if url.startswith(b"/") and url.find(b"#") < 0:  # the usual form
        return text
    if text[:7].lower() == "http://" or text[:8].lower() == "https://":  # absolute-form: drop scheme and host
        rest = text.split("://", 1)[1]
        start = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
        text = rest[start:]
        text = text if text.startswith("/") else "/" + text
    if not (text.startswith("/") or (text == "*" and method == "OPTIONS")) or "#" in text:
        raise HeadRefusal(400, "malformed request target")
    return text


def split_at_rtsp(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """Cut `data` into pieces for llhttp, and tell for each whether ` RTSP/` follows it.

    llhttp reports neither the name of the protocol nor its position. But if a piece before ` RTSP/`, which is a single
    byte, was part of a request target, then the name of the protocol follows it.
    """
    start = 0
    while (place := data.find(RTSP, start + 1)) > 0:
        yield data[start : place - 1], False
        yield data[place - 1 : place], True
        start = place
    yield data[start:], False


def possible_rtsp(data: bytes, piece: bytes) -> bytes | None:
    """What follows `piece`, the end of a request target, in `data`, if it may be the beginning of ` RTSP/`."""
    rest = data[data.rfind(piece) + len(piece) :]
    return rest if RTSP.startswith(rest) else None


def continue_rtsp(rest: bytes, data: bytes) -> bytes | None:
    """The same after more data. Raises HeadRefusal if ` RTSP/` is complete now."""
    rest += data[: len(RTSP)]
    if rest.startswith(RTSP):
        raise HeadRefusal(505, NOT_HTTP)
    return rest if RTSP.startswith(rest) else None
