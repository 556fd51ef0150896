"""URLs of images. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from gecholog import hostname
from services.gl.images.refused import ImageRefused

_PORTS = {"http": 80, "https": 443}
_LONGEST = 8192  # characters
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"[a-z0-9._-]+")
# What the resolvers of many systems take for a part of an IPv4 address: decimal, octal or hexadecimal.
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_AS_IT_IS = "%/?:@!$&'()*+,;=-._~[]|"  # characters of a path or a query that need no escape, or are escapes


class ImageUrl(NamedTuple):
    """A URL that may be asked for an image, if its host may.

    `host` is in lower case, without brackets and without a dot at its end. `target` is path and query, escaped.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def has_usual_port(self) -> bool:
        """Whether the port is one of web servers."""
        return self.port in _PORTS.values()

    def __str__(self) -> str:
        """The URL without its query, which may hold a key."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target.partition('?')[0]}"


def parsed(text: str) -> ImageUrl:
    """Take a URL apart. Raises ImageRefused.

    Strict where readers of URLs differ: what one of them takes for a name, another one may take for an address.
    """
    if len(text) > _LONGEST:
        raise ImageRefused(f"its URL must have at most {_LONGEST} characters")
    if _UNSAFE.search(text):
        raise ImageRefused("its URL must not have blanks, control characters or backslashes")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ImageRefused("its URL is not valid") from None
    if parts.scheme not in _PORTS:
        raise ImageRefused("its URL must be an http or https URL")
    if "@" in parts.netloc:
        raise ImageRefused("its URL must not have a user name or a password")
    target = quote(parts.path or "/", safe=_AS_IT_IS)
    if parts.query:
        target += "?" + quote(parts.query, safe=_AS_IT_IS)
    return ImageUrl(parts.scheme, _host(parts), _PORTS[parts.scheme] if port is None else port, target)


def redirected(url: ImageUrl, location: str) -> ImageUrl:
    """The URL that a redirect leads to (RFC 9110, section 10.2.2). Raises ImageRefused."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    try:
        joined = urljoin(f"{url.scheme}://{host}:{url.port}{url.target}", location)
    except ValueError:
        raise ImageRefused("it redirects to a URL that is not valid") from None
    try:
        found = parsed(joined)
    except ImageRefused:
        raise ImageRefused("it redirects to a URL that is not valid") from None
    if url.is_secure and not found.is_secure:
        raise ImageRefused("it redirects from https to http")
    return found


def _host(parts: SplitResult) -> str:
    """The host, if it is an IP address in its usual spelling, or a name that cannot be taken for one."""
    host = (parts.hostname or "").removesuffix(".")
    if parts.netloc.startswith("["):
        return _ipv6(host)
    if not host or not _HOST.fullmatch(host) or hostname.problem(host):
        raise ImageRefused("its URL must have a valid host name")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            ip_address(host)
        except ValueError:
            raise ImageRefused("its URL must not have an unusual spelling of an IP address") from None
    return host


def _ipv6(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        raise ImageRefused("its URL must have a valid host name") from None
    if "%" in host:
        raise ImageRefused("its URL must not have an IPv6 zone")
    return str(address)
