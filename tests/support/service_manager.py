"""What systemd does for `examples/systemd`: it holds listening sockets, and starts, stops and watches one service.

`deploy.sh` asks for a restart, and whether the service is alive, through `command`.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

_START = """
import os, sys
count = int(sys.argv[1])
for place in range(count):
    os.dup2(int(sys.argv[2 + place]), 100 + place, inheritable=False)
for place in range(count):
    os.dup2(100 + place, 3 + place)
os.environ["LISTEN_PID"], os.environ["LISTEN_FDS"] = str(os.getpid()), str(count)
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""
_ASK = (
    "import socket, sys; asking = socket.create_connection(('127.0.0.1', {port})); "
    "asking.sendall(b'{word}'); sys.exit(asking.recv(1) != b'y')"
)
_RESTART_PAUSE_S = 0.5  # RestartSec=
_STOP_S = 60


class ServiceManager:
    """One unit with its sockets. `lines` is what the service has written."""

    def __init__(self, program, environ, addresses):
        self._program = program
        self._environ = environ
        self._sockets = [socket.create_server(address, backlog=4096) for address in addresses]
        self._control = socket.create_server(("127.0.0.1", 0))
        self._process = None
        self._wanted = False
        self._is_closed = False
        self.lines = []
        self.starts = 0
        for run in (self._answer, self._watch):
            threading.Thread(target=run, daemon=True).start()

    def command(self, word):
        """The shell command for `restart` or `alive`."""
        code = _ASK.format(port=self._control.getsockname()[1], word=word)
        return f'"{sys.executable}" -c "{code}"'

    def start(self):
        descriptors = [one.fileno() for one in self._sockets]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(len(descriptors)), *map(str, descriptors), self._program],
            env=self._environ,
            pass_fds=descriptors,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._wanted = True
        self.starts += 1
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def stop(self):
        """Stop the service, and return when it has ended."""
        self._wanted = False
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self):
        self._is_closed = True
        self.stop()
        for one in (*self._sockets, self._control):
            one.close()

    def _read(self, stream):
        with stream:
            for line in stream:
                self.lines.append(line.rstrip("\n"))

    def _watch(self):
        """Restart=always."""
        while not self._is_closed:
            time.sleep(_RESTART_PAUSE_S)
            if self._wanted and self._process.poll() is not None:
                self.start()

    def _answer(self):
        with contextlib.suppress(OSError):
            while True:
                asking, _ = self._control.accept()
                with asking:
                    word = asking.recv(100)
                    if word == b"restart":
                        self.stop()
                        self.start()
                        asking.sendall(b"y")
                    else:
                        asking.sendall(b"y" if self._process.poll() is None else b"n")
