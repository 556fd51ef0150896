"""The process that is the appliance: it runs supervisord (`supervisord.run`), and ends with ginit's exit code.

This module imports little: it is process 1 of the container, and lives as long as it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

from gecholog import file_lock, held_sockets
from services.ginit.supervisord import parent
from services.ginit.supervisord.descriptors import FIRST_PRIVATE, SYSTEM_LOG, moved_up
from services.ginit.supervisord.exit_code import ExitCode
from services.ginit.supervisord.program import CONF
from services.ginit.supervisord.run import run


def main() -> int:
    """Run the appliance; returns its exit code. GECHOLOG_HOME, GECHOLOG_RUN and the other variables are set."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing has been started: end without a traceback
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # `setup` held it back
    held_sockets.adopt(os.environ, os.getpid(), FIRST_PRIVATE)
    home, runtime = Path(os.environ["GECHOLOG_HOME"]), Path(os.environ["GECHOLOG_RUN"])
    try:
        free = _lock(home)
    except OSError as error:
        sys.stderr.write(f"error: the home folder {home} cannot be locked: {error.strerror}\n")
        free = False
    else:
        if not free:
            sys.stderr.write(f"error: another appliance runs with the same home folder, {home}\n")
    if not free:
        _remove_temporary(home, runtime)
        return 1
    _clear(home, runtime)
    shutil.copyfile(CONF, runtime / CONF.name)
    _raise_file_limit()
    os.environ[parent.VARIABLE] = str(os.getpid())
    exit_code = ExitCode()
    os.dup2(1, SYSTEM_LOG)
    run(runtime / CONF.name)
    _clear(home, runtime)
    _remove_temporary(home, runtime)
    return exit_code.read()


def _lock(home: Path) -> bool:
    """Lock the home folder for as long as this process lives; False if someone else holds it. Raises OSError.

    A file can be removed under us, and a folder cannot be locked everywhere (not on NFS): so both are.
    """
    for path, flags in ((home / "run" / "lock", os.O_RDWR | os.O_CREAT), (home, os.O_RDONLY)):
        try:
            descriptor = file_lock.acquire(path, flags)
        except BlockingIOError:
            return False
        except OSError:
            if path != home:
                raise
        else:
            moved_up(descriptor)  # the duplicate keeps the lock
    return True


def _clear(home: Path, runtime: Path) -> None:
    """Remove what is only true while the appliance runs, above all the checksum files."""
    for file in (*(home / "checksum").glob(".*_config.sha256"), home / "run" / "state.json"):
        with contextlib.suppress(OSError):
            file.unlink()
    for folder in (home / "run" / "candidate", home / "run" / "inforce", runtime / "services", runtime / "output"):
        shutil.rmtree(folder, ignore_errors=True)


def _remove_temporary(home: Path, runtime: Path) -> None:
    """Remove the folder that was made for this run alone; the home's own stays."""
    if runtime != home / "run":
        shutil.rmtree(runtime, ignore_errors=True)


def _raise_file_limit() -> None:
    """A gateway needs a descriptor for each connection; the usual soft limit is for programs that use select."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
