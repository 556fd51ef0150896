"""Imports the config of another gateway when the appliance starts, so that its users need not convert it themselves.

The file is the one that CONFIG_PATH names, else `config.yml` in the home folder, where llm-gateway's image has it. gl
converts it (`import-config`). The result replaces a `gl_config.json` only if nobody has edited that: it is what was
shipped, or what an earlier start imported. `conf/imported.json` holds the checksums that tell.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gecholog import atomic_file, regular_file
from gecholog.config import checksum
from services.ginit.startup.prepare import CannotStart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.ginit.startup.shipped import ShippedVersion

IMPORTED = "config of another gateway imported"
UNCHANGED = "config of another gateway already imported"
NOT_IMPORTED = "config of another gateway not imported, because gl_config.json has been edited"
VARIABLE = "CONFIG_PATH"
NAME = "gl_config.json"
_STATE = "imported.json"
_MODE = 0o640  # less what the umask takes away
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class _State:
    """What earlier starts imported: the checksum of the last source, and those of what was made of sources."""

    source: str = ""
    written: tuple[str, ...] = ()


def source_of(home: Path, environ: Mapping[str, str]) -> Path | None:
    """The file to import, or None. Container engines make a folder of a missing file to mount."""
    if named := environ.get(VARIABLE):
        return Path(named).absolute()
    usual = home / "config.yml"
    return usual if os.path.lexists(usual) else None


def import_config(
    source: Path, target: Path, default: Path, versions: Iterable[ShippedVersion]
) -> tuple[str, dict[str, object]] | None:
    """Write what `source` says into the `gl_config.json` of the config folder `target`, on the base of `default`.

    Returns a log message and its fields; with `reason` among them it is a warning. None: there is no `gl_config.json`
    that can be read, which its validation reports. Raises CannotStart if `source` is invalid, and then writes nothing.
    """
    file = target / NAME
    sha256 = _checksum(source)
    try:
        present = regular_file.read_bytes(file)
    except OSError:
        return None
    state = _read_state(target)
    if _is_edited(file, present, state, versions):
        shown: dict[str, object] = {"file": str(source), "into": str(file), "see": "import-config --into"}
        if sha256 != state.source:
            shown["reason"] = f"{source.name} has {'changed since it was' if state.source else 'never been'} imported"
        return NOT_IMPORTED, shown
    report = _converted(source, default)
    made = (json.dumps(report["config"], indent=2, ensure_ascii=False) + "\n").encode()
    if made != present:
        _write(target, _State(sha256, (checksum(present), checksum(made))), made)
    return _shown(report, source, file, has_changed=made != present)


def _checksum(source: Path) -> str:
    try:
        return checksum(regular_file.read_bytes(source))
    except OSError as error:
        raise CannotStart(f"the config to import, {source}, {regular_file.reason(error)}") from error


def _is_edited(file: Path, present: bytes, state: _State, versions: Iterable[ShippedVersion]) -> bool:
    """Whether people have a hand in the file; a symbolic link is set up by one, perhaps for many homes."""
    known = {*state.written, *(version.sha256 for version in versions)}
    return file.is_symlink() or checksum(present) not in known


def _converted(source: Path, default: Path) -> dict[str, Any]:
    """What gl makes of the file: `system`, `config` and `lost`. Raises CannotStart with line and key of a mistake."""
    command = [sys.executable, "-P", "-m", "services.gl.import_config", str(source), "--into", str(default), "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)  # noqa: S603 - our own
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotStart(f"{source} cannot be imported: {error}") from error
    if done.returncode != 0:
        raise CannotStart(f"cannot import {done.stderr.strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _shown(report: dict[str, Any], source: Path, file: Path, *, has_changed: bool) -> tuple[str, dict[str, object]]:
    config, lost = report["config"], report["lost"]
    shown: dict[str, object] = {"file": str(source), "system": report["system"], "into": str(file)}
    shown |= {"providers": len(config["providers"]), "models": len(config["models"]), "port": config["gl_port"]}
    shown["not_carried_over"] = lost
    if not has_changed:
        return UNCHANGED, shown
    return IMPORTED, shown | {"reason": f"{len(lost)} settings not carried over"} if lost else shown


def _read_state(target: Path) -> _State:
    try:
        read = json.loads(regular_file.read_text(target / _STATE, "utf-8"))
        return _State(str(read["source"]), tuple(map(str, read["written"])))
    except (OSError, ValueError, LookupError, TypeError):
        return _State()


def _write(target: Path, state: _State, made: bytes) -> None:
    """Write the state first, with the old and the new content: a crash in between leaves one that it knows."""
    described = json.dumps({"source": state.source, "written": state.written}) + "\n"
    try:
        atomic_file.write(target / _STATE, described.encode(), _MODE, fsync=True)
        atomic_file.write(target / NAME, made, like=(target / NAME).stat(), fsync=True)
    except OSError as error:
        raise CannotStart(f"{target / NAME} cannot be written: {error.strerror or error}") from error
