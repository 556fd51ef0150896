"""The files for browsers, under names with their hash: what has such a name never changes and may be kept for ever."""

from __future__ import annotations

import gzip
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import brotli

from gecholog.errors import GechologError

OWN = Path(__file__).with_name("own")
COLLECTED = Path(sys.prefix) / "gui_assets"
"""Where the installation puts what `collect` takes out of the wheels."""

_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
_COMPRESSED = frozenset({".css", ".js"})
_HASH_LENGTH = 12
_SVG = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


class AssetsMissing(GechologError):
    """The files for browsers are not installed."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file for browsers. `encoded` are its bytes by the names of content codings, from the best to the worst."""

    content_type: str
    data: bytes
    encoded: tuple[tuple[str, bytes], ...] = ()


class Assets:
    """All files, read once."""

    def __init__(self, own: Path = OWN, collected: Path = COLLECTED) -> None:
        """Raises AssetsMissing."""
        try:
            self._icons = {file.stem: _paths(file) for file in sorted((collected / "icons").iterdir())}
            files = dict([*_files(collected), *_files(own)])
        except OSError as error:
            raise AssetsMissing(f"the files of the web interface are missing, run make: {error}") from error
        self._addresses: dict[str, str] = {}
        self._by_address: dict[str, Asset] = {}
        for name, asset in files.items():
            stem, _, ending = name.rpartition(".")
            address = f"{stem}.{hashlib.sha256(asset.data).hexdigest()[:_HASH_LENGTH]}.{ending}"
            self._addresses[name] = address
            self._by_address[address] = asset
        self._plain = files

    def address(self, name: str) -> str:
        """The name with its hash, below `/static/`. Raises KeyError."""
        return self._addresses[name]

    def find(self, address: str) -> tuple[Asset, bool] | None:
        """The file at an address, and whether that names the content, or None."""
        if (asset := self._by_address.get(address)) is not None:
            return asset, True
        plain = self._plain.get(address)
        return None if plain is None else (plain, False)

    def icon(self, name: str) -> str:
        """The inner part of the SVG of an icon. Raises KeyError."""
        return self._icons[name]


def _files(folder: Path) -> Iterator[tuple[str, Asset]]:
    for file in sorted(folder.iterdir()):
        if file.suffix in _TYPES:
            data = file.read_bytes()
            encoded = tuple(_encoded(file, data)) if file.suffix in _COMPRESSED else ()
            yield file.name, Asset(_TYPES[file.suffix], data, encoded)


def _encoded(file: Path, data: bytes) -> Iterator[tuple[str, bytes]]:
    """The compressed forms: those that `collect` has made, or fresh ones for our own, which are small."""
    for coding, ending in (("br", "br"), ("gzip", "gz")):
        made = file.with_name(f"{file.name}.{ending}")
        if made.exists():
            yield coding, made.read_bytes()
        else:
            yield coding, brotli.compress(data) if coding == "br" else gzip.compress(data, mtime=0)


def _paths(file: Path) -> str:
    match = _SVG.search(file.read_text("utf-8"))
    if match is None:
        raise AssetsMissing(f"{file} is no SVG")
    return " ".join(match[1].split())
