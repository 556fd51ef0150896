"""HTTP headers as the record shows them: canonical name → list of values. Pure functions, nothing is changed in place.

Values are text; bytes that are no UTF-8 travel as surrogate escapes (PEP 383), so that what came in goes out unchanged.
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
MOST_NAMES = 1000
"""Names of headers in one message: each costs far more time than its bytes."""

# Headers that belong to one connection (RFC 9110, section 7.6.1; Proxy-Authenticate and Proxy-Authorization are for the
# next proxy alone, sections 11.7.1 and 11.7.2; Keep-Alive and Proxy-Connection are what older software sends).
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

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


_LONGEST_KEPT = 128  # characters; what clients send must not fill the memory by way of a cache


def canonical(name: str) -> str:
    """`content-TYPE` → `Content-Type`: the form that Go's net/http gives to names, which records show.

    What is not a token stays as it is (Go's textproto.CanonicalMIMEHeaderKey).
    """
    return _kept_canonical(name) if len(name) <= _LONGEST_KEPT else _canonical(name)


def _canonical(name: str) -> str:
    if not is_name(name):
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


_kept_canonical = lru_cache(maxsize=4096)(_canonical)


@lru_cache(maxsize=4096)
def _canonical_bytes(name: bytes) -> str:
    return _canonical(name.decode("utf-8", "surrogateescape"))


def is_name(text: str) -> bool:
    """Tell whether `text` may be the name of a header (a token, RFC 9110, section 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def add(headers: Headers, name: bytes, value: bytes) -> None:
    """Add a line of a message to its headers; white space behind a value is none of it (RFC 9112, section 5)."""
    key = _canonical_bytes(name) if len(name) <= _LONGEST_KEPT else _canonical_bytes.__wrapped__(name)
    text = value.rstrip(b" \t").decode("utf-8", "surrogateescape")
    if key in headers:
        headers[key].append(text)
    else:
        headers[key] = [text]


def collect(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers of a message from its lines, in their order."""
    headers: Headers = {}
    for name, value in pairs:
        add(headers, name, value)
    return headers


def first(headers: Mapping[str, list[str]], name: str) -> str:
    """The first value of a header, empty if there is none."""
    values = headers.get(name)
    return values[0] if values else ""


def last(headers: Mapping[str, list[str]], name: str) -> str:
    """The last value of a header, empty if there is none."""
    values = headers.get(name)
    return values[-1] if values else ""


def lines(headers: Mapping[str, list[str]]) -> bytes:
    """Headers as they go on the wire, one line a value, each with its CRLF."""
    text = "".join([f"{name}: {value}\r\n" for name, values in headers.items() for value in values])
    return text.encode("utf-8", "surrogateescape")


def without(headers: Headers, names: AbstractSet[str]) -> Headers:
    """`headers` less those in `names`; the same object if there are none."""
    if names.isdisjoint(headers):
        return headers
    rest = headers.copy()
    for name in headers.keys() & names:
        del rest[name]
    return rest


def masked(headers: Headers, names: AbstractSet[str]) -> Headers:
    """`headers` with one mask in place of all values of each header in `names`; the same object if there are none."""
    if names.isdisjoint(headers):
        return headers
    return headers | {name: [MASK] for name in headers.keys() & names}


def connection_options(headers: Mapping[str, list[str]]) -> frozenset[str]:
    """Names of headers that `Connection` lists: they must not be forwarded either (RFC 9110, section 7.6.1)."""
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
    """A required header that a request does not have as it should, and what is wrong with it."""

    name: str
    problem: str

    @property
    def text(self) -> str:
        """The same as the original tells it to its callers."""
        return f"unauthorized header:'{self.name}' {self.problem}"


def unmet(required: Mapping[str, tuple[str, ...]], headers: Mapping[str, list[str]]) -> Unmet | None:
    """The first header that does not meet what a router requires; None if all do.

    A required header must be there with exactly the required values in their order; the one value `regex:.+` takes
    anything that is not empty. Of `Content-Type` the media type is compared, and parameters may follow. Values are
    compared in constant time, for they may be keys.
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
    # every pair is compared, so that the time does not tell which one differs
    same = [
        hmac.compare_digest(want.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass"))
        for want, value in zip(wanted, values, strict=True)
    ]
    return all(same)
