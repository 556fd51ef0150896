"""Host names in addresses: whether the name of a server can be looked up at all. Pure."""

from __future__ import annotations

_LONGEST_LABEL = 63
_LONGEST_NAME = 253


def problem(host: str) -> str:
    """Why `host` can be no host name (RFC 1035, section 2.3.4); empty if it can, or is an IPv6 address.

    A last dot is fine: it says that the name is complete. An empty part is what a variable that is not set leaves
    behind, as in `https://${NAME}.example.com`.
    """
    if ":" in host:
        return ""
    labels = host.removesuffix(".").split(".")
    if not all(labels):
        return "must have a host name without an empty part, as .example.com and a..b have"
    if len(host) > _LONGEST_NAME or any(len(label) > _LONGEST_LABEL for label in labels):
        return f"must have a host name of at most {_LONGEST_LABEL} characters between dots, {_LONGEST_NAME} in all"
    return ""
