"""Makes the first client key, so that an appliance that asks for keys can be called from elsewhere at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog import config
from gecholog.errors import ConfigError
from gecholog.keys.credential import new_key

if TYPE_CHECKING:
    from pathlib import Path

NAME = "FIRST_KEY"


def file_in(home: Path) -> Path:
    """The file with the first key."""
    return home / "secrets" / NAME


def ensure(home: Path, gateway_config: Path) -> Path | None:
    """Make a key if gl asks for keys and never had one; returns the file if it was made. Raises OSError.

    gl puts it into its bucket when it finds that empty.
    """
    file = file_in(home)
    if file.exists() or any((home / "keys").glob("*.json")) or not asks_for_keys(gateway_config):
        return None
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(new_key().text + "\n", "ascii")
    return file


def asks_for_keys(gateway_config: Path) -> bool:
    """Tell whether a router of a gl_config.json checks client keys."""
    try:
        values = config.peek(config.read(gateway_config), str(gateway_config))
        return any(entry["ingress"].get("keys", "off") != "off" for entry in values["routers"] if "ingress" in entry)
    except (ConfigError, LookupError, TypeError, AttributeError):
        return False
