"""A container engine, docker or podman, as its command line; and a container of the image."""

import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.waiting import DEADLINE, until

HARDENED = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")

# Calls from inside the container, so that no port of this machine is needed. Prints session id and tokens of each call
# that was answered whole; ends when gl no longer answers.
_CALLS = """
import json, sys, urllib.request
body = json.dumps({"model": "dummy", "messages": [{"role": "user", "content": "Hello"}]}).encode()
for _ in range(int(sys.argv[1])):
    request = urllib.request.Request(sys.argv[2], body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            print(answer.headers["Session-Id"], json.load(answer)["usage"]["total_tokens"], flush=True)
    except OSError as error:
        sys.exit(f"no answer: {error}")
"""
_HEALTHY = "until [ -s /app/checksum/.ginit_config.sha256 ]; do sleep 0.05; done"
URL = "http://localhost:5380/dummy/v1/chat/completions"


class Engine:
    """The engine, and the image that is tried."""

    def __init__(self, command: str, image: str) -> None:
        self.command = command
        self.image = image
        self.is_podman = Path(command).name == "podman"
        # Docker has no /tmp of its own in a read-only container: let podman be as strict
        self.read_only = ("--read-only", *(("--read-only-tmpfs=false",) if self.is_podman else ()))

    def __call__(self, *words: str, check: bool = True, text: str | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([self.command, *words], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{' '.join(words[:2])}: {done.stderr}"
        return done

    def popen(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen([self.command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def once(self, command: Sequence[str], *options: str) -> str:
        """Run a command in a container of its own; returns what it says."""
        return self("run", "--rm", "--network", "none", *options, self.image, *command).stdout

    def image_config(self) -> dict[str, Any]:
        """What the image says of itself, `Config` as Docker names it."""
        (found,) = json.loads(self("image", "inspect", self.image).stdout)
        config: dict[str, Any] = found["Config"]
        return {"Healthcheck": found.get("Healthcheck") or found.get("HealthCheck")} | config

    def layers(self) -> list[tuple[int, str]]:
        """Size in bytes and origin of the layers above the base, the newest first."""
        said = self("history", "--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", self.image)
        lines = [line.partition("\t") for line in said.stdout.splitlines()]
        layers = [(_bytes(size), origin) for size, _, origin in lines]
        first = next(place for place, (_, origin) in enumerate(layers) if "wanted=" in origin)
        return layers[: first + 1]


class Container:
    """A container of the image. `home` is its volume or tmpfs; `options` go to `run`."""

    def __init__(self, engine: Engine, *options: str, command: Sequence[str] = (), network: str = "none") -> None:
        self.engine = engine
        self.name = f"gecholog-test-{uuid.uuid4().hex[:12]}"
        self.began = datetime.now(UTC)
        engine("run", "--detach", "--name", self.name, "--network", network, *options, engine.image, *command)

    def exec(self, *command: str, text: str | None = None, check: bool = True) -> str:
        """What a command in the container says; with `check` it has to end well."""
        return self._exec(*command, env={}, text=text, check=check).stdout

    def code(self, *command: str, env: Mapping[str, str] | None = None, text: str | None = None) -> int:
        """The exit code of a command in the container."""
        return self._exec(*command, env=env or {}, text=text, check=False).returncode

    def _exec(
        self, *command: str, env: Mapping[str, str], text: str | None, check: bool
    ) -> subprocess.CompletedProcess[str]:
        variables = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
        interactive = ["--interactive"] if text is not None else []
        return self.engine("exec", *interactive, *variables, self.name, *command, check=check, text=text)

    def write(self, path: str, text: str) -> None:
        self.exec("sh", "-c", 'cat > "$0"', path, text=text)

    def becomes_healthy(self) -> float:
        """Wait until `./healthcheck` ends well; returns the seconds since the container was asked for.

        The look at the file spares the machine, and so the measurement, dozens of health checks.
        """
        self._exec("timeout", str(DEADLINE), "sh", "-c", _HEALTHY, env={}, text=None, check=False)
        assert self.is_healthy(), "\n".join(self.lines()[-20:])
        return (datetime.now(UTC) - self.began).total_seconds()

    def is_healthy(self, service: str = "ginit") -> bool:
        return self.code("./healthcheck", "-s", service) == 0

    def health_status(self) -> str:
        """What HEALTHCHECK says. Docker runs it by itself, podman leaves that to systemd, if there is one."""
        if self.engine.is_podman:
            self.engine("healthcheck", "run", self.name, check=False)
        status: str = self.state()["Health"]["Status"]
        return status

    def checksum(self, service: str) -> str:
        return self.exec("./healthcheck", "-s", service, "-p", check=False)

    def sum_of(self, path: str) -> str:
        return self.exec("sha256sum", path).split()[0]

    def in_force(self, service: str, path: str) -> bool:
        return self.checksum(service) == self.sum_of(path)

    def call(self, times: int = 1, url: str = URL) -> list[tuple[str, int]]:
        """Session id and tokens of calls, one after another."""
        return answers(self.exec("python", "-c", _CALLS, str(times), url))

    @contextmanager
    def calling(self) -> Iterator[subprocess.Popen[str]]:
        """Calls endlessly, until gl no longer answers."""
        with self.engine.popen("exec", self.name, "python", "-c", _CALLS, "1000000", URL) as calling:
            try:
                yield calling
            finally:
                calling.kill()

    def records(self) -> list[dict[str, Any]]:
        text = self.exec("sh", "-c", "cat /app/log/gecholog.jsonl 2>/dev/null || true")
        return [json.loads(line) for line in text.splitlines()]

    def lines(self) -> list[str]:
        """What it said on standard output."""
        return self.engine("logs", self.name, check=False).stdout.splitlines()

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]

    def said(self, message: str, **fields: str) -> bool:
        return any(
            message in entry["msg"] and all(entry.get(name) == value for name, value in fields.items())
            for entry in self.entries()
        )

    def state(self) -> dict[str, Any]:
        (found,) = json.loads(self.engine("inspect", self.name).stdout)
        state: dict[str, Any] = found["State"]
        return state

    def wait(self) -> int:
        """Wait until it has ended; returns the exit code."""
        until(lambda: not self.state()["Running"], "the end of the container", DEADLINE)
        code: int = self.state()["ExitCode"]
        return code

    def close(self) -> None:
        self.engine("rm", "--force", "--volumes", self.name, check=False)


def _bytes(size: str) -> int:
    """`44.4 MB` in bytes, for the engine that does not know of numbers that are not for humans."""
    number, unit = re.fullmatch(r"([\d.]+) ?([kMG]?)B?", size).groups()
    return round(float(number) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit])


def answers(text: str) -> list[tuple[str, int]]:
    """Session id and tokens of each call that was answered."""
    return [(words[0], int(words[1])) for words in (line.split() for line in text.splitlines())]


def given() -> Engine | None:
    """The engine that run.sh has chosen; None if it is not run.sh that runs the tests."""
    command, image = os.environ.get("GECHOLOG_TEST_ENGINE"), os.environ.get("GECHOLOG_TEST_IMAGE")
    return Engine(command, image) if command and image else None
