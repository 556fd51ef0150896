"""Validates host names in addresses. Pure."""

from __future__ import annotations

_LONGEST_LABEL = 63
_LONGEST_NAME = 253


def problem(host: str) -> str:
    """Why `host` is not a valid host name (RFC 1035, section 2.3.4); empty if it is, or if it is an IPv6 address.

    A dot at the end is valid: it marks the name as complete. Empty parts come from variables that are not set, as in
    `https://${NAME}.example.com`.
    """
    if ":" in host:
        return ""
    labels = host.removesuffix(".").split(".")
    if not all(labels):
        return "must have a host name without an empty part, as .example.com and a..b have"
    if len(host) > _LONGEST_NAME or any(len(label) > _LONGEST_LABEL for label in labels):
        return f"must have a host name of at most {_LONGEST_LABEL} characters between dots, {_LONGEST_NAME} in all"
    return ""
