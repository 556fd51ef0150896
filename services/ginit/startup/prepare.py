"""What the appliance needs before it can start: default config files, secrets, a folder for sockets."""

from __future__ import annotations

import os
import re
import secrets
import socket
import string
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gecholog import atomic_file, file_lock, regular_file
from gecholog.errors import GechologError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping

_ROOT = Path(__file__).parents[3]
DEFAULTS = _ROOT / "conf"
CANNOT_START = "the appliance cannot start"  # the log message
SECRETS = ("NATS_TOKEN", "NATS_PROCESSOR_PASSWORD", "GUI_SECRET")
"""Variables that are given a random value if they are not set."""

UNSET = frozenset({"", "not_set"})
_CONFIG_MODE = 0o640  # less what the umask takes away
_LENGTH = 32  # characters of a generated secret
_LONGEST_SOCKET = 90  # bytes; the kernel takes 107, and supervisord appends its pid for a moment

# Values of a variable in its config that nats-server does not read as this very text, found by trial.
_MISREAD = re.compile(
    r"-.*|\..*|[\"'$(\[{#].*|.*[\s,;}\]'\\].*"
    r"|(true|false|yes|no|on|off)|\d+(\.\d+)?([kmgtpe](i?b?)?)?|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    re.IGNORECASE | re.DOTALL,
)


class CannotStart(GechologError):
    """The appliance cannot start. The message is for the user who starts it."""


def copy_defaults(source: Path, target: Path, names: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Copy the files that `target` does not have. Yields a message and fields for each thing done or failed."""
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        yield "cannot create config folder", {"folder": str(target), "reason": error.strerror or ""} | _rights(target)
        return
    for name in names:
        if os.path.lexists(target / name):  # the user has made a link, wherever it leads
            continue
        try:
            atomic_file.write(target / name, (source / name).read_bytes(), _CONFIG_MODE, fsync=True)
        except OSError as error:
            fields = {"file": str(target / name), "reason": error.strerror or ""}
            yield "cannot copy default config file", fields | _rights(target)
        else:
            yield "default config file copied", {"file": str(target / name)}


def _rights(folder: Path) -> dict[str, str]:
    """Owner and mode of a folder, or of its first parent that exists, for the user who has to fix them."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    status = existing.stat()
    return {
        "owner": f"{status.st_uid}:{status.st_gid}",
        "mode": f"{status.st_mode & 0o7777:04o}",
        "running_as": f"{os.geteuid()}:{os.getegid()}",
    }


def ensure_secret(name: str, environ: MutableMapping[str, str], folder: Path) -> Path | None:
    """Set the variable `name` to a random value if it has none; returns the file that holds the value, else None.

    The file survives restarts and is used again, so programs that were given the value keep working. Raises OSError.
    """
    if environ.get(name, "") not in UNSET:
        return None
    file = folder / name
    try:
        value = regular_file.read_text(file, "ascii").strip()
    except (OSError, UnicodeDecodeError):
        value = ""
    if not re.fullmatch(r"[A-Za-z]{32}", value):
        value = "".join(secrets.choice(string.ascii_letters) for _ in range(_LENGTH))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text(value, "ascii")
    environ[name] = value
    return file


def is_misread(token: str) -> bool:
    """Whether nats-server reads this value of $NATS_TOKEN as something else than text: a number, a list, true …."""
    return _MISREAD.fullmatch(token) is not None


def is_running(home: Path) -> bool:
    """Tell whether an appliance runs with this home folder, which the launcher locks."""
    return file_lock.is_held(home / "run" / "lock") or file_lock.is_held(home, os.O_RDONLY)


def runtime_folder(home: Path) -> Path:
    """A folder for sockets and pipes: `run` in the home, or else a temporary one. Raises CannotStart.

    Some volumes support no sockets, pipes or hard links, and the path of a socket is limited.
    """
    try:
        (home / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        rights = ", ".join(f"{name} {value}" for name, value in _rights(home).items())
        raise CannotStart(f"the home folder {home} cannot be written: {error.strerror} ({rights})") from error
    if _is_fit(home / "run"):
        return home / "run"
    try:
        folder = Path(tempfile.mkdtemp(prefix="gecholog-"))
    except OSError as error:
        raise CannotStart(f"neither {home}/run nor a temporary folder can hold sockets: {error.strerror}") from error
    if not _is_fit(folder):
        raise CannotStart(f"neither {home}/run nor {folder} can hold sockets and pipes")
    return folder


def _is_fit(folder: Path) -> bool:
    probe, link = folder / f"probe.{os.getpid()}", folder / f"link.{os.getpid()}"
    if len(os.fsencode(folder / "supervisor.sock")) > _LONGEST_SOCKET:
        return False
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(probe))
            os.link(probe, link)
        probe.unlink()
        os.mkfifo(probe)
    except OSError:
        return False
    finally:
        for path in (probe, link):
            path.unlink(missing_ok=True)
    return True
