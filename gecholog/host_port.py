"""`host:port`, the way people write addresses: with or without a port, and IPv6 addresses in brackets. Pure."""

from __future__ import annotations

_LARGEST_PORT = 65_535
_LONGEST_PORT = 5  # digits


def split(text: str) -> tuple[str, int | None]:
    """The host, without brackets, and the port; None if there is no port.

    `[::1]:4222` → `("::1", 4222)`. Text with several colons and no brackets is an IPv6 address without a port. The host
    may be empty, as in `:4222`. Raises ValueError if the port is not a number from 1 to 65535, or if a scheme or a path
    is written with the host.
    """
    if "/" in text:
        raise ValueError("must be host or host:port")
    if text.endswith("]") or (text.count(":") > 1 and not text.startswith("[")):
        return text.strip("[]"), None
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, None
    is_number = port.isascii() and port.isdigit() and len(port) <= _LONGEST_PORT
    if not is_number or not 0 < int(port) <= _LARGEST_PORT:
        raise ValueError("must have a port from 1 to 65535")
    return host.strip("[]"), int(port)


def join(host: str, port: int) -> str:
    """`host:port`, with an IPv6 address in brackets: the inverse of `split`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
