"""A service as a real process, with its output captured line by line."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support import forking
from tests.support.waiting import DEADLINE, until

ROOT = Path(__file__).parents[2]
SERVICES = Path(os.environ.get("SERVICES_FROM", ROOT)).resolve()
"""Where services are run from. `make compiled-test` sets SERVICES_FROM to what `make compiled` has made."""

# PYTHON…: containers set PYTHONUNBUFFERED and PYTHONDONTWRITEBYTECODE, with which each service would be a fresh process
# that compiles itself anew.
_NOT_INHERITED = ("GECHOLOG", "NATS", "GUI_SECRET", "PYTEST", "PYTHON", "COV_")


class ServiceProcess:
    """A running program of ours: `python -m MODULE -o CONFIG …`.

    `lines` is all of its standard output so far, `errors` of its standard error. The methods that wait block: in a
    coroutine take `logged` and `ended` instead, so that the event loop (the target in it) continues.

    Our services are forks of a process that has imported them (see `forking`), unless `fresh` is set.
    """

    def __init__(
        self, command: Sequence[str], *, alias: str, home: Path, env: Mapping[str, str], fresh: bool = False
    ) -> None:
        self.alias = alias
        self.home = home
        self.lines: list[str] = []
        self.errors: list[str] = []
        home.mkdir(parents=True, exist_ok=True)
        self._process = _start_fresh(command, home, env) if fresh else _start(command, home, env)
        self._readers = [
            threading.Thread(target=_copy, args=(self._process.stdout, self.lines), daemon=True),
            threading.Thread(target=_copy, args=(self._process.stderr, self.errors), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        """All that was written, standard output and standard error."""
        return "".join([*self.lines, *self.errors])

    @property
    def checksum(self) -> str | None:
        """What the checksum file says, or None."""
        try:
            return (self.home / "checksum" / f".{self.alias}_config.sha256").read_text("ascii")
        except FileNotFoundError:
            return None

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The log, line by line; a line that is not a JSON object fails the test."""
        entries = [json.loads(line) for line in list(self.lines) if line.endswith("\n")]
        assert all(isinstance(entry, dict) for entry in entries)
        return entries

    def messages(self) -> list[str]:
        return [entry["msg"] for entry in self.entries]

    def wait_for_log(self, message: str, times: int = 1, seconds: float = DEADLINE) -> dict[str, Any]:
        """Wait until `message` was logged this many times; returns that line. Fails if the process ends before."""

        def found() -> dict[str, Any] | None:
            running = self.is_running
            if not running:
                self._drained()
            hits = [entry for entry in self.entries if entry["msg"] == message]
            if len(hits) < times:
                assert running, f"{self.alias} ended with {self._process.returncode}:\n{self.output}"
                return None
            return hits[times - 1]

        try:
            return until(found, f"the log message {message!r}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output}") from None

    async def logged(self, message: str, times: int = 1, seconds: float = DEADLINE) -> dict[str, Any]:
        """As `wait_for_log`, and the event loop continues meanwhile."""
        return await asyncio.to_thread(self.wait_for_log, message, times, seconds)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def hang_up(self) -> None:
        """SIGHUP: read the config file again."""
        self.signal(signal.SIGHUP)

    def kill(self) -> int:
        """SIGKILL for the process and its children; returns the exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        return self.wait()

    def stop(self, seconds: float = DEADLINE) -> int:
        """SIGTERM, and wait for the end; returns the exit code. All output is there then."""
        if self.is_running:
            self._process.terminate()
        return self.wait(seconds)

    def wait(self, seconds: float = DEADLINE) -> int:
        """Wait for the end; returns the exit code (negative: the signal). All output is there then."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.alias} does not end:\n{self.output}") from None
        self._drained()
        return code

    async def stopped(self, seconds: float = DEADLINE) -> int:
        """As `stop`, and the event loop continues meanwhile."""
        return await asyncio.to_thread(self.stop, seconds)

    async def ended(self, seconds: float = DEADLINE) -> int:
        """As `wait`, and the event loop continues meanwhile."""
        return await asyncio.to_thread(self.wait, seconds)

    def close(self) -> None:
        """Kill what is left of it, and let go of its pipes."""
        self.kill()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _drained(self) -> None:
        for reader in self._readers:
            reader.join(DEADLINE)


def _start(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[str] | forking.ForkedProcess:
    settings = {name for name in env if name.startswith("PYTHON")}
    if env.get("PYTHONPATH") == str(SERVICES):  # another one has modules that the process to be forked does not know
        settings.discard("PYTHONPATH")
    match list(command):
        case [sys.executable, "-m", module, *arguments] if module in forking.MODULES and not settings:
            return forking.start(module, arguments, cwd=cwd, env=env)
        case [sys.executable, script, *arguments] if script in forking.SCRIPTS and not settings:
            return forking.start(script, arguments, cwd=cwd, env=env)
    return _start_fresh(command, cwd, env)


def _start_fresh(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
        errors="replace",
    )


def _copy(stream: Any, lines: list[str]) -> None:
    for line in stream:
        lines.append(line)  # noqa: PERF402 - extend would not show a line before the end


def command_of(module: str, config: Path, alias: str, arguments: Sequence[str] = ()) -> list[str]:
    """The words that start a service."""
    return [sys.executable, "-m", module, "-o", str(config), "-a", alias, *arguments]


def environment_of(home: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process less what would change a service, with its home, and with `env`.

    Our programs in it run what they can as forks (see `forking`).
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    return {**kept, "GECHOLOG_HOME": str(home), "PYTHONPATH": str(SERVICES), **forking.variables(), **env}
