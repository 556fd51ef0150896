"""The values of `ingress.keys`: whether a router asks its clients for a key. Pure."""

from __future__ import annotations

from enum import Enum

MAX_STALE_S = 3600.0
"""The default of `keys.max_stale_s`: seconds for which known keys stay valid while the bus is away."""


class KeyRule(Enum):
    """OFF: keys are not checked. A key that is sent is checked by all others.

    OPTIONAL: clients may have one. REMOTE: clients must have one, except those on this machine. REQUIRED: all clients.
    """

    OFF = "off"
    OPTIONAL = "optional"
    REMOTE = "remote"
    REQUIRED = "required"
