"""A fresh clone with no file edited: `make up` on the usual ports, and the openai SDK at http://localhost:5380/v1.

It runs in a network namespace of its own, where nobody else has these ports.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support import network
from tests.support.process import ROOT
from tests.support.waiting import DEADLINE, until

pytestmark = pytest.mark.slow

URL = "http://localhost:5380/v1"
DUMMY = "http://127.0.0.1:5390/v1"


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def clone(tmp_path):
    """The checkout's last commit."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    folder = tmp_path / "clone"
    run("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder))
    return folder


@pytest.fixture
def inside():
    """The words before a command that runs it in a network namespace."""
    if why := network.reason():
        pytest.skip(f"no network namespace: {why}")
    name = f"gecholog-clone-{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield ("ip", "netns", "exec", name)
    finally:
        run("ip", "netns", "del", name)


class MakeUp:
    """`make up` in a clone, with this environment and the packages of the tests: installing them is not what counts."""

    def __init__(self, clone, inside, **environ):
        venv = os.path.relpath(sys.prefix, clone)
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.lines = []
        self._process = subprocess.Popen(
            [*inside, "make", "-o", f"{venv}/.runtime", f"VENV={venv}", "up"],
            cwd=clone,
            env=kept | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        self._reader = threading.Thread(target=lambda: self.lines.extend(self._process.stdout))
        self._reader.start()

    def ready(self):
        until(lambda: "all services have been started" in self.output or not self._runs, "the appliance")
        assert self._runs, self.output
        return self

    @property
    def _runs(self):
        return self._process.poll() is None

    @property
    def output(self):
        return "".join(list(self.lines))

    def stop(self):
        """End it as Ctrl-C does."""
        if self._runs:
            os.killpg(self._process.pid, signal.SIGINT)
        code = self._process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        self._process.stdout.close()
        return code


@pytest.mark.parametrize(
    ("environ", "options"),
    [
        ({"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": DUMMY}, ()),
        pytest.param({}, ("--without-key",), marks=pytest.mark.soak),  # the other one takes the same way
    ],
)
def test_the_openai_sdk(clone, inside, environ, options):
    """With a key in the environment OpenAI's models are there, without one the dummy; one line names the rest."""
    appliance = MakeUp(clone, inside, **environ)
    try:
        appliance.ready()
        said = run(*inside, sys.executable, "-m", "tests.support.sdk_calls", URL, *options, cwd=ROOT)
        assert said == "all calls are right\n"
        (line,) = [line for line in appliance.lines if "left out, because their variables are not set" in line]
        assert '"level":"INFO"' in line.replace(" ", "")
        assert ("provider openai (" in line) == (not environ)
        assert run("git", "status", "--porcelain", cwd=clone) == ""
    finally:
        appliance.stop()
    assert Path(clone, "app", "conf", "gl_config.json").exists()
