"""The first client key, which the start of the appliance writes to `secrets/FIRST_KEY` if there is none yet."""

from __future__ import annotations

import time
from pathlib import Path

from gecholog import regular_file
from gecholog.keys import KeyEntry
from gecholog.keys.credential import digest, id_of

NAME = "first key"


def entry_of(file: Path) -> KeyEntry | None:
    """The entry for the key in the file; None if the file is missing or holds no key."""
    try:
        text = regular_file.read_text(file, "ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    key_id = id_of(text)
    return KeyEntry(key_id, digest(text), NAME, created=float(int(time.time()))) if key_id else None
