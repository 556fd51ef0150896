"""Refuses requests that a page of another site makes a browser send. Pure.

Browsers say in `Sec-Fetch-Site` and `Origin` whose page sends a request. Programs send neither, and have no cookies
that a page could abuse. Forms carry a token of the session besides, for browsers that send neither header.
"""

from __future__ import annotations

import hmac
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


def is_token(given: str, expected: str) -> bool:
    """Tell whether a form carries the token of its session."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())
