"""Copies the files that browsers get out of the wheels that carry them, and compresses them.

    python services/gui/assets/collect.py FOLDER_OF_PACKAGES TARGET

Only files that the manifest lists are taken, and only with the bytes that it names: wheels carry files with other
licences as well. `make` and the image's build run this by its path, after the packages of the runtime lock.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli

MANIFEST = Path(__file__).with_name("manifest.json")
_QUALITY = 9  # the next better one takes ten times as long
_COMPRESSED = frozenset({".css", ".js"})


class WrongAsset(Exception):
    """A file is missing, or does not have the bytes that the manifest names."""


def main(source: Path, target: Path) -> int:
    """Collect the files of the manifest; returns the exit code."""
    try:
        found = list(checked(json.loads(MANIFEST.read_text("utf-8")), source))
    except WrongAsset as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    shutil.rmtree(target, ignore_errors=True)
    for name, data in found:
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        if file.suffix in _COMPRESSED:
            file.with_name(f"{file.name}.br").write_bytes(brotli.compress(data, quality=_QUALITY))
            file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(data, mtime=0))
    return 0


def checked(manifest: dict[str, Any], source: Path) -> Iterator[tuple[str, bytes]]:
    """The names and the bytes of the files that the manifest lists. Raises WrongAsset."""
    for name, entry in manifest.items():
        file = source / entry["path"]
        try:
            data = file.read_bytes()
        except OSError as error:
            raise WrongAsset(f"{file} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise WrongAsset(f"{file} does not have the bytes that {MANIFEST.name} names")
        yield name, data


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
