"""A real supervisord, with the config that is shipped, but without a ginit that would stop what it does not know."""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from services.ginit.supervisord.client import Supervisor
from services.ginit.supervisord.program import CONF
from tests.support.process import environment_of
from tests.support.waiting import DEADLINE, until

_GINIT = re.compile(r"\[(eventlistener:ginit|rpcinterface:guard)\].*?(?=^\[|^;|\Z)", re.DOTALL | re.MULTILINE)
_RUN = "import sys, pathlib; from services.ginit.supervisord.run import run; run(pathlib.Path(sys.argv[1]))"


class Supervisord:
    """A supervisord in a folder of its own; the path of its socket must be short."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="g"))
        self.conf = self.folder / CONF.name
        self.conf.write_text(_GINIT.sub("", CONF.read_text("utf-8")), "utf-8")
        self.socket = self.folder / "supervisor.sock"
        environ = environment_of(self.folder, {"GECHOLOG_RUN": str(self.folder)})
        self.process = subprocess.Popen([sys.executable, "-c", _RUN, str(self.conf)], env=environ, cwd=self.folder)
        until(self.socket.is_socket, "the socket of supervisord")

    def client(self):
        return Supervisor(f"unix://{self.socket}", self.folder / "services")

    def script(self, text):
        """A start script; `$F` is this folder."""
        return f"F={self.folder}\n{text}\n"

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def supervisord():
    made = Supervisord()
    yield made
    made.close()


@pytest.fixture
def own_supervisord():
    """One for a test that breaks it."""
    made = Supervisord()
    yield made
    made.close()


@pytest.fixture
def client(supervisord):
    return supervisord.client()
