"""The versions of the default config files that were shipped: the checksum of each, and which fields were new in it.

`shipped.json` lists the versions of each file from the oldest to the present one:

    {"gl_config.json": [{"sha256": "…", "new": []}, {"sha256": "…", "new": ["gl_host"]}]}

`make shipped` adds the versions in git and in the folder `conf` that are missing. Run it after each change of a default
config file: once there is a newer version, one that is not listed looks like a file that its user has changed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gecholog.config import checksum
from services.ginit.startup.fields import fields, missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIST = Path(__file__).with_suffix(".json")
_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class ShippedVersion:
    """A version of a file: its checksum, and the fields that the version before did not have."""

    sha256: str
    new: tuple[str, ...]


Versions = dict[str, tuple[ShippedVersion, ...]]


def load(file: Path = LIST) -> Versions:
    """The versions of each file by its name, the present one at the end."""
    listed = json.loads(file.read_text("utf-8"))
    return {
        name: tuple(ShippedVersion(version["sha256"], tuple(version["new"])) for version in versions)
        for name, versions in listed.items()
    }


def extended(name: str, known: tuple[ShippedVersion, ...], contents: Iterable[bytes]) -> tuple[ShippedVersion, ...]:
    """The known versions, and those of `contents` (from the oldest to the present one) that are missing.

    The last content comes last even if it was shipped before.
    """
    versions = {version.sha256: version for version in known}
    before: dict[str, str] | None = None
    sha256 = ""
    for data in contents:
        found, sha256 = fields(name, data.decode()), checksum(data)
        new = () if before is None else tuple(missing(found, before))
        versions.setdefault(sha256, ShippedVersion(sha256, new))
        before = found
    if sha256:
        versions[sha256] = versions.pop(sha256)
    return tuple(versions.values())


def history(root: Path, name: str) -> Iterator[bytes]:
    """All contents of a default config file in the git history, oldest first. Raises CalledProcessError."""
    file = f"conf/{name}"
    commits = _git(root, "log", "--reverse", "--format=%H", "--", file).decode().split()
    for commit in commits:
        if _git(root, "ls-tree", commit, "--", file):  # else it is the commit that removed it
            yield _git(root, "show", f"{commit}:{file}")


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(root), *arguments], check=True, stdout=subprocess.PIPE).stdout  # noqa: S603, S607


def main(root: Path = _ROOT, file: Path = LIST) -> int:
    """Add what is missing to the list; returns the exit code."""
    known = load(file) if file.exists() else {}
    for default in sorted(path for path in (root / "conf").iterdir() if path.is_file()):
        contents = [*history(root, default.name), default.read_bytes()]
        known[default.name] = extended(default.name, known.get(default.name, ()), contents)
    file.write_text(_text(known), "utf-8")
    return 0


def _text(versions: Versions) -> str:
    """One version a line: what changes in the list is what changes in the diff."""
    listed: dict[str, list[dict[str, Any]]] = {
        name: [{"sha256": version.sha256, "new": version.new} for version in found]
        for name, found in sorted(versions.items())
    }
    files = (
        f'  "{name}": [\n    ' + ",\n    ".join(json.dumps(version) for version in found) + "\n  ]"
        for name, found in listed.items()
    )
    return "{\n" + ",\n".join(files) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
