"""The files of drafts: read, save, archive, restore and deploy.

The files are the only state. Each is replaced as a whole, so that a crash leaves the old one or the new one. A change
names the checksum of what it was made from, so that the second of two editors is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gecholog import atomic_file, health, regular_file
from gecholog.errors import GechologError
from gecholog.logs import Log
from gecholog.validation import Validation
from services.gui.drafts.config_file import ConfigFile
from services.gui.drafts.draft import Activation, DraftState, Origin, Phase, activation, checksum
from services.gui.drafts.write_error import CannotWrite, writing

log = Log("drafts")

_PRIVATE = 0o600
_FOLDER = 0o700

Check = Callable[[bytes], Awaitable[Validation]]


class DraftError(GechologError):
    """A draft cannot be changed or deployed, for the reason in the message."""


class Conflict(DraftError):
    """Someone else has changed the draft, or the deployed file, in the meantime. `state` is what is there now."""

    def __init__(self, message: str, state: DraftState) -> None:
        super().__init__(message)
        self.state = state


class InvalidDraft(DraftError):
    """A draft is invalid, so it cannot be deployed."""

    def __init__(self, validation: Validation) -> None:
        super().__init__("the draft is invalid")
        self.validation = validation


@dataclass(frozen=True, slots=True)
class Version:
    """An archived version. `time` is Unix time."""

    name: str
    sha256: str
    time: float
    size: int


@dataclass(frozen=True, slots=True)
class Editor:
    """Who changes something, and when (Unix time)."""

    name: str
    time: float


class DraftStore:
    """The draft of one config file. `home` is the home folder of the appliance."""

    def __init__(self, file: ConfigFile, home: Path) -> None:
        self.file = file
        self._home = home
        self._lock = asyncio.Lock()

    def state(self) -> DraftState:
        """What is in the files now. Raises DraftError if there is neither a draft nor a file to begin with."""
        deployed = _content(self.file.production)
        working, origin = _content(self.file.working), self._origin()
        if working is not None and origin.base == checksum(working) and deployed is not None:
            working = None  # it was not edited since it was deployed: it follows the production file
        data = next((one for one in (working, deployed, self.template()) if one is not None), None)
        if data is None:
            raise DraftError(f"{self.file.production} cannot be read, and there is no template")
        in_force = self._in_force()
        return DraftState(
            data=data,
            deployed=deployed,
            in_force=in_force,
            activation=self._activation(deployed, in_force),
            origin=origin,
            is_edited=working is not None and working != deployed,
            reports_checksum=self.file.checksum is not None,
        )

    async def save(self, data: bytes, expected: str, editor: Editor) -> DraftState:
        """Replace the draft. `expected` is the checksum of the draft that the change was made from.

        Raises Conflict if the draft is another one now, and CannotWrite.
        """
        async with self._lock:
            return self._save(data, expected, editor)

    def _save(self, data: bytes, expected: str, editor: Editor) -> DraftState:
        state = self._unchanged(expected)
        if data == state.data:
            return state
        base = state.origin.base if state.is_edited else state.deployed_sha256 or ""
        self._write_draft(data, Origin(base, editor.name, editor.time))
        return self.state()

    async def discard(self, expected: str) -> DraftState:
        """Begin again with the deployed file. Raises Conflict, CannotWrite."""
        async with self._lock:
            self._unchanged(expected)
            with writing(self.file.working):
                self.file.working.unlink(missing_ok=True)
                self.file.origin.unlink(missing_ok=True)
            return self.state()

    async def deploy(self, expected: str, expected_deployed: str | None, check: Check, editor: Editor) -> DraftState:
        """Make the draft the production file, which ginit puts in force. What it replaces is archived.

        `expected` and `expected_deployed` are the checksums of the draft and of the production file that the editor
        has seen. `check` validates the bytes. Raises Conflict, InvalidDraft, CannotWrite; nothing has changed then.
        """
        async with self._lock:
            state = self._unchanged(expected)
            if state.deployed_sha256 != expected_deployed:
                raise Conflict("the deployed file has changed in the meantime", state)
            validation = await check(state.data)
            if not validation.valid:
                raise InvalidDraft(validation)
            self._refuse_if_replaced(state)
            self._archive_replaced(state, editor)
            self._put_in_place(state.data)
            try:
                self._write_draft(state.data, Origin(checksum(state.data), editor.name, editor.time))
            except CannotWrite as error:  # it is deployed; only who did it is not known
                log.warning("cannot note a deployment", file=str(self.file.production), reason=str(error))
            return self.state()

    def _refuse_if_replaced(self, before: DraftState) -> None:
        """Raise Conflict if a program has changed the files while the draft was validated."""
        now = self.state()
        if (now.sha256, now.deployed_sha256) != (before.sha256, before.deployed_sha256):
            raise Conflict("the files have changed while the draft was validated", now)

    def _put_in_place(self, data: bytes) -> None:
        production = self.file.production
        with writing(production):
            try:
                like = production.stat()
            except FileNotFoundError:
                like = None
            atomic_file.write(production, data, 0o640, like=like, fsync=True)

    async def archive(self, name: str, data: bytes, *, replace: bool = False) -> None:
        """Keep a content under a name. Raises DraftError if the name is taken or not allowed, CannotWrite."""
        async with self._lock:
            path = self._archived(name)
            if path.exists() and not replace:
                raise DraftError(f"there is an archived version {name} already")
            _write_private(path, data)

    async def delete_archived(self, name: str) -> None:
        """Remove an archived version. Raises DraftError, CannotWrite."""
        async with self._lock:
            path = self._archived(name)
            with writing(path):
                try:
                    path.unlink()
                except FileNotFoundError:
                    raise DraftError(f"there is no archived version {name}") from None

    def archived(self, name: str) -> bytes:
        """The content of an archived version. Raises DraftError."""
        try:
            return regular_file.read_bytes(self._archived(name))
        except OSError as error:
            raise DraftError(f"the archived version {name} {regular_file.reason(error)}") from error

    def versions(self) -> list[Version]:
        """The archived versions, the latest first."""
        return sorted(self._versions(), key=lambda one: (one.time, one.name), reverse=True)

    def _versions(self) -> Iterator[Version]:
        folder, prefix = self.file.archive_folder, self.file.prefix
        for path in folder.glob(f"{prefix}*.json") if folder.is_dir() else ():
            name = path.name.removeprefix(prefix).removesuffix(".json")
            data = _content(path)
            with contextlib.suppress(ValueError, OSError):
                if data is not None and self.file.archived(name) == path:
                    yield Version(name, checksum(data), path.stat().st_mtime, len(data))

    def template(self) -> bytes | None:
        """The file to begin with, or None."""
        return None if self.file.template is None else _content(self.file.template)

    def _unchanged(self, expected: str) -> DraftState:
        state = self.state()
        if state.sha256 != expected:
            who = f" by {state.origin.user}" if state.is_edited and state.origin.user else ""
            raise Conflict(f"the draft was changed{who} in the meantime", state)
        return state

    def _archived(self, name: str) -> Path:
        try:
            return self.file.archived(name)
        except ValueError as error:
            raise DraftError(str(error)) from None

    def _archive_replaced(self, state: DraftState, editor: Editor) -> None:
        """Archive the production file, unless a version has the same content or the draft does."""
        known = {version.sha256 for version in self._versions()} | {state.sha256, None}
        if state.deployed is None or state.deployed_sha256 in known:
            return
        moment = datetime.fromtimestamp(editor.time, UTC).strftime("%Y%m%d-%H%M%S")
        path = self.file.archived(f"replaced-{moment}-{(state.deployed_sha256 or '')[:8]}")
        _write_private(path, state.deployed)

    def _write_draft(self, data: bytes, origin: Origin) -> None:
        """Write the notes first: with an old draft beside them they only say who was last."""
        _write_private(self.file.origin, json.dumps(origin.as_json).encode())
        _write_private(self.file.working, data)

    def _origin(self) -> Origin:
        try:
            return Origin.from_json(json.loads(regular_file.read_bytes(self.file.origin)))
        except (OSError, ValueError, RecursionError):
            return Origin()

    def _in_force(self) -> str | None:
        return None if self.file.checksum is None else health.ChecksumFile(self.file.checksum).read()

    def _activation(self, deployed: bytes | None, in_force: str | None) -> Activation:
        if self.file.checksum is None:
            return Activation(Phase.UNKNOWN)
        sha256 = None if deployed is None else checksum(deployed)
        return activation(sha256, in_force, appliance_state(self._home), self.file.service)


def appliance_state(home: Path) -> dict[str, Any]:
    """What ginit says about the services; empty if ginit is not running here."""
    if health.is_silent("ginit", home):
        return {}
    try:
        state = json.loads(regular_file.read_bytes(home / "run" / "state.json"))
    except (OSError, ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) else {}


def _content(path: Path) -> bytes | None:
    try:
        return regular_file.read_bytes(path)
    except OSError:
        return None


def _write_private(path: Path, data: bytes) -> None:
    """Replace a file that only the appliance may read: drafts and archives may hold secrets. Raises CannotWrite."""
    with writing(path):
        path.parent.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        atomic_file.write(path, data, _PRIVATE, fsync=True)
