"""What the tests of ginit's edges share: services of real files, and a stand-in for supervisord that runs processes."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from gecholog.config import checksum
from services.ginit.config import Definition
from services.ginit.decision.state import Appliance, Phase, ServiceState
from services.ginit.supervisord.client import ControlFailed
from services.ginit.supervisord.descriptors import EXIT_CODE
from tests.support.process import environment_of


def definition(folder, name="one", *, program="/bin/true", content="{}", **fields):
    """A service whose config file exists, below `folder`."""
    file = folder / "conf" / f"{name}.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    known = {
        "config_command": "-o",
        "additional_arguments": (),
        "validate_command": "--validate",
        "healthy_output": f"{name} is ready",
        "watched": True,
        "die_promise": False,
    }
    return Definition(name, Path(program), configuration_file=file, **known | fields)


def program(folder, script, name="program"):
    """A shell script as a program."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    file.chmod(0o755)
    return file


def healthy(service, content=b"{}", **fields):
    """The state of a service that is healthy with this content."""
    sha256 = checksum(content)
    known = {"content": sha256, "last_checked": sha256, "in_force": sha256, "last_good": sha256}
    return ServiceState(service, **{"phase": Phase.HEALTHY} | known | fields)


def appliance(*services, **fields):
    return Appliance(services, 2, **fields)


def in_a_child(script, folder):
    """Run Python code whose descriptor EXIT_CODE is a file; returns the exit code that it has set, and its output."""
    file = folder / "exit_code"
    command = ["/bin/sh", "-c", f'exec "$0" -c "$1" {EXIT_CODE}>"$2"', sys.executable, script, str(file)]
    done = subprocess.run(
        command, env=environment_of(folder, {}), capture_output=True, text=True, check=True, start_new_session=True
    )
    return list(file.read_bytes()), done.stdout


class Lines:
    """An output listener that keeps what the services write."""

    def __init__(self):
        self.lines = []
        self.healthy = []

    def on_line(self, name, line):
        self.lines.append((name, line))

    def on_healthy_output(self, name):
        self.healthy.append(name)


class ProcessSupervisor:
    """Runs the start scripts as supervisord does, each in a process group; remembers what it was asked for.

    `failure` is what requests fail with.
    """

    def __init__(self):
        self.asked = []
        self.failure = None
        self.processes = {}
        self.statuses = {}

    def _note(self, *request):
        self.asked.append(request)
        if self.failure is not None:
            raise ControlFailed(self.failure)

    async def all_running(self):
        self._note("all_running")
        return {slug: 0 if one.returncode is not None else one.pid for slug, one in self.processes.items()}

    async def define(self, slug, priority):
        self._note("define", slug, priority)

    async def start(self, slug, script):
        self._note("start", slug)
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", script, start_new_session=True)
        self.processes[slug] = process
        return process.pid

    async def stop(self, slug):
        self._note("stop", slug)
        if slug in self.processes:
            with contextlib.suppress(ProcessLookupError):
                self.processes[slug].terminate()

    async def set_stop_wait(self, slug, seconds):
        self._note("set_stop_wait", slug, seconds)

    async def hang_up(self, slug):
        self._note("hang_up", slug)

    async def responds(self):
        self.asked.append(("responds",))
        return self.failure is None

    async def exit_status(self, slug):
        self._note("exit_status", slug)
        return self.statuses.get(slug, 0)

    async def remove(self, slug):
        self._note("remove", slug)

    async def close(self):
        """Kill what still runs."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
