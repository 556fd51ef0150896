"""HTTP headers as the record shows them: canonical name → list of values. Pure functions; nothing is changed in place.

Values are text. Bytes that are not UTF-8 are kept as surrogate escapes (PEP 383), so that they are sent unchanged.
"""

from __future__ import annotations

import hmac
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from gecholog.media_type import media_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

Headers = dict[str, list[str]]

MASK = "*****MASKED*****"
ANY_VALUE = ("regex:.+",)
MOST_LINES = 1000
"""The limit of header lines in one message: a line takes far more time than its bytes suggest."""

# Headers of one connection (RFC 9110, section 7.6.1; Proxy-Authenticate and Proxy-Authorization are meant for the next
# proxy only, sections 11.7.1 and 11.7.2; Keep-Alive and Proxy-Connection are sent by older software).
HOP_BY_HOP = frozenset(
    {
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Te",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    },
)

_NOT_PRINTABLE = re.compile(r"[^ -~]")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


_LONGEST_KEPT = 128  # characters; clients must not fill the memory through a cache


def printable(text: str) -> str:
    """A text as the value of a header of ours: visible ASCII and spaces, with `?` for all other characters."""
    return _NOT_PRINTABLE.sub("?", text)


def canonical(name: str) -> str:
    """`content-TYPE` → `Content-Type`: the form of Go's net/http, which records show.

    A name that is not a token stays as it is (as in Go's textproto.CanonicalMIMEHeaderKey).
    """
    return _kept_canonical(name) if len(name) <= _LONGEST_KEPT else _canonical(name)


def _canonical(name: str) -> str:
    if not is_name(name):
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


_kept_canonical = lru_cache(maxsize=4096)(_canonical)


_MOST_KEPT = 4096
_kept_names: dict[bytes, str] = {}  # canonical names of received ones


def _canonical_of(name: bytes) -> str:
    """The canonical form of a received name. It is kept for the next time unless the name is long."""
    found = _canonical(name.decode("utf-8", "surrogateescape"))
    if len(name) <= _LONGEST_KEPT:
        if len(_kept_names) >= _MOST_KEPT:
            _kept_names.clear()  # names that nobody uses must not keep out those in use
        _kept_names[name] = found
    return found


def is_name(text: str) -> bool:
    """Tell whether `text` is a valid header name (a token, RFC 9110, section 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def collect(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a message, from its lines. White space after a value is not part of it (RFC 9112, section 5)."""
    headers: Headers = {}
    kept = _kept_names
    for name, value in pairs:
        key = kept.get(name) or _canonical_of(name)
        text = value.rstrip(b" \t").decode("utf-8", "surrogateescape")
        if key in headers:
            headers[key].append(text)
        else:
            headers[key] = [text]
    return headers


def first(headers: Mapping[str, list[str]], name: str) -> str:
    """The first value of a header; empty if the header is missing."""
    values = headers.get(name)
    return values[0] if values else ""


def last(headers: Mapping[str, list[str]], name: str) -> str:
    """The last value of a header; empty if the header is missing."""
    values = headers.get(name)
    return values[-1] if values else ""


def lines(headers: Mapping[str, list[str]]) -> bytes:
    """Headers as sent on the wire: one line per value, each with its CRLF."""
    text = "".join([f"{name}: {value}\r\n" for name, values in headers.items() for value in values])
    return text.encode("utf-8", "surrogateescape")


def without(headers: Headers, names: AbstractSet[str]) -> Headers:
    """`headers` without those in `names`; the same object if it has none of them."""
    if names.isdisjoint(headers):
        return headers
    rest = headers.copy()
    for name in headers.keys() & names:
        del rest[name]
    return rest


def masked(headers: Headers, names: AbstractSet[str]) -> Headers:
    """`headers` with one mask for all values of each header in `names`; the same object if it has none of them."""
    if names.isdisjoint(headers):
        return headers
    shown = headers.copy()
    for name in headers.keys() & names:
        shown[name] = [MASK]
    return shown


def connection_options(headers: Mapping[str, list[str]]) -> frozenset[str]:
    """The headers listed in `Connection`, which must not be forwarded either (RFC 9110, section 7.6.1)."""
    listed = headers.get("Connection")
    if not listed:
        return _NO_OPTIONS
    keep = len(listed) == 1 and len(listed[0]) <= _LONGEST_KEPT
    return _options(tuple(listed)) if keep else _options.__wrapped__(tuple(listed))


_NO_OPTIONS: frozenset[str] = frozenset()


@lru_cache(maxsize=256)
def _options(listed: tuple[str, ...]) -> frozenset[str]:
    named = {canonical(option.strip()) for value in listed for option in value.split(",")}
    return frozenset(named - {"", "Close", "Keep-Alive"})


class Unmet(NamedTuple):
    """A required header that is missing or wrong, and how."""

    name: str
    problem: str

    @property
    def text(self) -> str:
        """The error text, which is that of the original."""
        return f"unauthorized header:'{self.name}' {self.problem}"


def unmet(required: Mapping[str, tuple[str, ...]], headers: Mapping[str, list[str]]) -> Unmet | None:
    """The first header that does not match what a router requires; None if all match.

    A required header must have exactly the required values, in their order. The single value `regex:.+` matches any
    values that are not empty. Only the media type of `Content-Type` is compared, without parameters. Values are
    compared in constant time, because they may be keys.
    """
    for name, wanted in required.items():
        values = headers.get(name)
        if values is None:
            return Unmet(name, "missing")
        if wanted == ANY_VALUE:
            if not all(values):
                return Unmet(name, "values missing")
        elif not _equal(name, wanted, values):
            return Unmet(name, "values invalid")
    return None


def _equal(name: str, wanted: tuple[str, ...], values: list[str]) -> bool:
    if name == "Content-Type":
        return [media_type(value) for value in values] == [media_type(value) for value in wanted]
    if len(wanted) != len(values):
        return False
    # every pair is compared, so that the time does not reveal which one differs
    same = [
        hmac.compare_digest(want.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass"))
        for want, value in zip(wanted, values, strict=True)
    ]
    return all(same)
