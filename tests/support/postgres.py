"""A real PostgreSQL cluster in a folder of its own, made with the programs of the Debian package."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.support.ports import free_port

_USERS = ("postgres", "nobody")  # PostgreSQL does not run as root
_PASSWORD = f"Pw{secrets.token_hex(8)}"


def programs() -> Path | None:
    """The folder with initdb and the others: of PATH, or of Debian's newest version; None if it is not installed."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin")]
    found = sorted(folders, key=lambda folder: int(folder.parent.name) if folder.parent.name.isdecimal() else 0)
    in_path = shutil.which("initdb")
    candidates = [*reversed(found), *([Path(in_path).resolve().parent] if in_path else [])]
    return next((folder for folder in candidates if (folder / "postgres").exists()), None)


class Postgres:
    """A server on a free port of 127.0.0.1. It can be stopped, killed and started again; the port stays the same."""

    def __init__(self) -> None:
        folder = programs()
        assert folder is not None, "PostgreSQL is not installed"
        self._programs = folder
        self._user = _unprivileged()
        self._folder = Path(tempfile.mkdtemp(prefix="gecholog_postgres_"))
        self._data = self._folder / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        password = self._folder / "password"
        password.write_text(_PASSWORD)
        if self._user:
            for path in (self._folder, password):
                shutil.chown(path, self._user)
        options = ["--auth=scram-sha-256", "--username=ledger", f"--pwfile={password}", "--encoding=UTF8"]
        # a locale that sorts like people, so that what has to be sorted by code point shows
        self._run("initdb", "-D", str(self._data), "--no-sync", "--locale=C.UTF-8", *options)

    def url(self, database: str = "postgres") -> str:
        """The address of a database, with user and password."""
        return f"postgresql://ledger:{_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Create a database; returns its address."""
        self.psql(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def psql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement; returns what it prints."""
        command = [self._programs / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def start(self) -> None:
        assert self._process is None, "PostgreSQL runs already"
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "shared_buffers": "64MB",
            "max_connections": 50,
        }
        arguments = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_user(), self._programs / "postgres", "-D", str(self._data), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1", until_ready=True)

    def stop(self) -> None:
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill it with all its processes: it recovers at the next start."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            if number == signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def _as_user(self) -> list[str]:
        if not self._user:
            return []
        entry = pwd.getpwnam(self._user)
        return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]

    def _run(self, name: str, *arguments: str, until_ready: bool = False) -> None:
        command = [*self._as_user(), str(self._programs / name), *arguments]
        for _ in range(120 if until_ready else 1):
            done = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                cwd=self._folder,
                timeout=120,
                env={"PATH": os.environ["PATH"]},
            )
            if done.returncode == 0:
                return
            if until_ready:
                assert self._process is not None
                try:
                    self._process.wait(0.25)
                except subprocess.TimeoutExpired:
                    continue
                break
        log = self._folder / "log"
        raise AssertionError(done.stdout + done.stderr + (log.read_text() if log.exists() else ""))


def _unprivileged() -> str:
    """The user that runs it if this process is root's; empty if it is not."""
    if os.geteuid():
        return ""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _USERS if name in names)
