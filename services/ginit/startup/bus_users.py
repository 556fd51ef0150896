"""Who may log in to the bus: everybody with the token, or two users, the appliance and processors.

nats-server takes either a token or users, and many clients send nothing but a token. So the shipped nats-server.conf
has a block for the token and, as a comment, one for the users. `NATS_USERS` says which of them is to count: `on` the
users, `off` the token. Without it the file stays as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.ginit.startup.prepare import CannotStart

if TYPE_CHECKING:
    from collections.abc import Mapping

SWITCH = "NATS_USERS"

_ON, _OFF = "on", "off"
_BLOCK = re.compile(r"^authorization \{\n(?:[^}\n].*\n)*?\}$|^#authorization \{\n(?:#[^}\n].*\n)*?#\}$", re.MULTILINE)
_KIND = re.compile(r"^#? *(token|users):", re.MULTILINE)


def wanted(environ: Mapping[str, str]) -> bool | None:
    """Whether users are asked for; None if the config is to decide. Raises CannotStart for any other value."""
    switch = environ.get(SWITCH, "")
    if switch not in ("", _ON, _OFF):
        raise CannotStart(f"{SWITCH} must be {_ON} or {_OFF}")
    return switch == _ON if switch else None


def switched(config: str, *, users: bool) -> str | None:
    """The text of nats-server.conf with one of its two blocks in force; None if it does not have both."""
    blocks = list(_BLOCK.finditer(config))
    kinds = [match[1] for block in blocks if (match := _KIND.search(block[0]))]
    if sorted(kinds) != ["token", "users"]:
        return None
    for block, kind in reversed(list(zip(blocks, kinds, strict=True))):
        text = _plain(block[0]) if users is (kind == "users") else _commented(_plain(block[0]))
        config = config[: block.start()] + text + config[block.end() :]
    return config


def has_token(config: str) -> bool:
    """Tell whether the block with the token is in force in the text of nats-server.conf."""
    return any(not block[0].startswith("#") and _kind(block[0]) == "token" for block in _BLOCK.finditer(config))


def _kind(block: str) -> str:
    match = _KIND.search(block)
    return match[1] if match else ""


def _plain(block: str) -> str:
    return re.sub(r"^#", "", block, flags=re.MULTILINE)


def _commented(block: str) -> str:
    return re.sub(r"^", "#", block, flags=re.MULTILINE)
