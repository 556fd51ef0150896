"""A whole appliance, with supervisord and ginit, in a home folder of its own."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.support.process import environment_of
from tests.support.waiting import DEADLINE, until

FAKE = Path(__file__).with_name("fake_service.sh")


class Home:
    """A home folder with the configs of an appliance, and the appliance itself when it is started."""

    def __init__(self, folder):
        self.folder = folder
        self.lines = []
        self.process = None
        (folder / "conf").mkdir(parents=True, exist_ok=True)
        self.services = []
        self.settings = {"version": "1.0.1", "log_level": "INFO", "max_starts": 2}

    # ---------------------------------------------------------------- before

    def add(self, name, words="", **fields):
        """Define a service that does what `words` say."""
        self.config(name).write_text(words, "utf-8")
        service = {
            "name": name,
            "file": str(FAKE),
            "config_command": "-o",
            "configuration_file": str(self.config(name)),
            "additional_arguments": ["-a", name],
            "validate_command": "--validate",
            "healthy_output": f"{name} is ready",
        }
        self.services.append(service | fields)
        return self

    def write(self):
        self.config("ginit_config").write_text(json.dumps(self.settings | {"services": self.services}), "utf-8")

    def config(self, name):
        return self.folder / "conf" / f"{name}.json"

    # ---------------------------------------------------------------- the appliance

    def start(self, *command, **environ):
        """Start the appliance, as `command` or else with the services that were added; returns at once."""
        if not command:
            self.write()
            command = [sys.executable, "-m", "services.ginit", "-o", str(self.config("ginit_config"))]
        self.process = subprocess.Popen(
            command,
            env=environment_of(self.folder, environ),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream,)) for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()
        return self

    def _read(self, stream):
        for line in stream:
            self.lines.append(line.decode().rstrip("\n"))

    def up(self, *command, **environ):
        """Start the appliance and wait until all services have had their turn."""
        self.start(*command, **environ)
        self.said("all services have been started")
        return self

    def stop(self):
        """End the appliance as Ctrl-C does; returns its exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.ended()

    def ended(self):
        """Wait for the end of the appliance; returns its exit code."""
        code = self.process.wait(DEADLINE)
        for reader in self._readers:
            reader.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def close(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.ended()

    # ---------------------------------------------------------------- what can be seen

    def entries(self):
        """The system log's lines so far."""
        return [json.loads(line) for line in list(self.lines) if line.startswith("{")]

    def find(self, message, **fields):
        return [
            entry
            for entry in self.entries()
            if message in entry["msg"] and all(entry.get(name) == value for name, value in fields.items())
        ]

    def said(self, message, times=1, **fields):
        """Wait until the log has such lines; returns the last."""

        def enough():
            found = self.find(message, **fields)
            return found if len(found) >= times else None

        try:
            return until(enough)[-1]
        except AssertionError:
            raise AssertionError(f"never said: {message} {fields}\n" + "\n".join(self.lines[-40:])) from None

    def messages(self):
        return [entry["msg"] for entry in self.entries()]

    def state(self, name):
        try:
            services = json.loads((self.folder / "run" / "state.json").read_text("utf-8"))["services"]
        except (OSError, ValueError):
            return {}
        return next((service for service in services if service["name"] == name), {})

    def fault(self):
        """Why the appliance is not healthy, as ginit says it."""
        return "; ".join(json.loads((self.folder / "run" / "state.json").read_text("utf-8"))["problems"])

    def becomes(self, name, state):
        until(lambda: self.state(name).get("state") == state, f"{name} {state}")

    def checksum(self, name):
        try:
            return (self.folder / "checksum" / f".{name}_config.sha256").read_text("ascii")
        except OSError:
            return None

    def sum_of(self, name):
        return hashlib.sha256(self.config(name).read_bytes()).hexdigest()

    def in_force(self, name, file=""):
        """Whether the service's checksum file names the content of its config file."""
        return self.checksum(name) == self.sum_of(file or name)

    def pid(self, name):
        """The process of a service, 0 if there is none: the oldest that looks like it, for it may start others.

        Copies of it (gl's workers, which outlive a gl that is killed, and their fork server) have names of their own.
        """
        wanted = f"/inforce/{name}/"
        found = (pid for pid, command in self._commands() if wanted in command and not _is_copy(pid))
        return min(found, key=_started, default=0)

    def pids(self, name):
        """All processes of a service, with those that it has forked."""
        return [pid for pid, command in self._commands() if f"/inforce/{name}/" in command]

    def ginit_pid(self):
        return next((pid for pid, command in self._commands() if "-a\0ginit" in command), 0)

    def processes(self):
        """All processes that have to do with this home."""
        return [pid for pid, _ in self._commands()]

    def _commands(self):
        mark = f"GECHOLOG_HOME={self.folder}\0"
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    environ = (entry / "environ").read_bytes().decode("utf-8", "replace") + "\0"
                    command = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
                except OSError:
                    continue
                if mark in environ and command and not _is_zombie(entry):
                    yield int(entry.name), command


def _is_copy(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("gl-")
    except OSError:  # it has just ended
        return True


def _started(pid):
    """When a process was started, in ticks since the machine was (proc(5), field 22 of stat)."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:  # it has just ended
        return float("inf")


def _is_zombie(entry):
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
