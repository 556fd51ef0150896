"""Refuses requests that a page of another site makes a browser send. Pure.

Browsers say in `Sec-Fetch-Site` and `Origin` whose page sends a request. Programs send neither, and have no cookies
that a page could abuse. Forms also carry a token of the session, for browsers that send neither header.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

_OWN = frozenset({"same-origin", "none"})


def problem(headers: Mapping[str, str], host: str) -> str:
    """Why a request that changes something is refused; empty if it is not. `host` is what the browser asked for."""
    site = headers.get("Sec-Fetch-Site")
    if site is not None and site not in _OWN:
        return "the request comes from a page of another site"
    origin = headers.get("Origin")
    if origin is not None and (origin == "null" or urlsplit(origin).netloc.lower() != host.lower()):
        # Proxies may have changed Host; where browsers send Sec-Fetch-Site, it has the last word.
        return "" if site in _OWN else "the request comes from a page of another site"
    return ""


def masked(token: str) -> str:
    """The token of a session as one page carries it. Each page has another text of it.

    Pages are compressed, and repeat some of their address. With the same token in all of them, someone who chooses
    addresses and sees the lengths of the pages could guess it letter by letter (BREACH, https://breachattack.com).
    """
    data = token.encode()
    pad = secrets.token_bytes(len(data))
    return base64.urlsafe_b64encode(pad + _mixed(data, pad)).decode()


def is_token(given: str, expected: str) -> bool:
    """Tell whether a form carries the token of its session, as `masked` has made it."""
    try:
        data = base64.b64decode(given.encode(), b"-_", validate=True)
    except ValueError:
        return False
    half = len(data) // 2
    return bool(expected) and hmac.compare_digest(_mixed(data[half:], data[:half]), expected.encode())


def _mixed(data: bytes, pad: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(data, pad, strict=False))
