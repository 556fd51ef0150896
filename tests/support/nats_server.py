"""A real nats-server in a process of its own."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.waiting import DEADLINE, until

PROGRAM = os.environ.get("NATS_SERVER") or str(Path(sys.executable).with_name("nats-server"))
TOKEN = "TokenOfTheTests"
"""A token that several parts of a test know before the server is made."""
MAX_PAYLOAD = 8 * 1024 * 1024


class NatsServer:
    """A nats-server on a free port of 127.0.0.1 that asks for a token. It can be stopped and started again.

    The port is the same after every start, and with JetStream so is the store. Each server has a token of its own: a
    process that a test left running cannot log in to the server of another test that got the same port. `token` may be
    set to something else before a start: clients that come with the old one are refused. `settings` are further ones
    of its config, in place of those that it has by itself; they may be changed before a start, too.
    """

    def __init__(
        self,
        folder: Path,
        *,
        jetstream: bool,
        max_payload: int = MAX_PAYLOAD,
        settings: dict[str, Any] | None = None,
        host: str = "127.0.0.1",
        token: str | None = None,
        run_by: tuple[str, ...] = (),
    ) -> None:
        """`folder` is for its config, log and store; it does not start yet. `run_by` is a command that becomes it."""
        self.folder = folder
        self.host = host
        self._run_by = run_by
        self.token = token or f"Token{secrets.token_hex(8)}"
        self.port = free_port()
        self.settings = settings or {}
        self._jetstream = jetstream
        self._max_payload = max_payload
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def hostname(self) -> str:
        """`host:port`, as config files want it."""
        return f"{self.host}:{self.port}"

    @property
    def login(self) -> dict[str, str]:
        """What nats-py logs in with: the token, or the user `appliance` if it has users."""
        has_users = "users" in self.settings.get("authorization", {})
        return {"user": "appliance", "password": self.token} if has_users else {"token": self.token}

    @property
    def pid(self) -> int:
        assert self._process is not None, "the nats-server is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has logged since it was first started."""
        return (self.folder / "nats-server.log").read_text("utf-8")

    def info(self) -> dict[str, Any]:
        """What it says to a client that connects."""
        with socket.create_connection((self.host, self.port), timeout=DEADLINE) as connection:
            line = connection.makefile("rb").readline()
        info: dict[str, Any] = json.loads(line.removeprefix(b"INFO "))
        return info

    def client_count(self) -> int:
        """The number of clients that are connected. Needs the setting `http`, the address of its monitor."""
        return self._monitored("connections")

    def connection_total(self) -> int:
        """The number of connections that clients have made so far. Needs the setting `http`, too."""
        return self._monitored("total_connections")

    def _monitored(self, name: str) -> int:
        with urllib.request.urlopen(f"http://{self.settings['http']}/varz", timeout=DEADLINE) as response:
            number: int = json.load(response)[name]
        return number

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        assert self._process is None, "the nats-server runs already"
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.write_config()
        with (self.folder / "nats-server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._run_by, PROGRAM, "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._is_ready, "the nats-server")

    def write_config(self) -> Path:
        """Write its config file."""
        file = self.folder / "nats-server.json"
        file.write_text(json.dumps(self._config()), "utf-8")
        return file

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGUSR2 begins lame duck mode, SIGHUP has it read its config again."""
        os.kill(self.pid, number)

    def stop(self) -> None:
        """End it in order; clients are told. Does nothing if it does not run."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it with SIGKILL. Does nothing if it does not run."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(DEADLINE)
        finally:
            process.kill()
            process.wait()

    def _config(self) -> dict[str, object]:
        config: dict[str, object] = {
            "host": self.host,
            "port": self.port,
            "authorization": {"token": self.token},
            "max_payload": self._max_payload,
        }
        if self._jetstream:
            config["jetstream"] = {"store_dir": str(self.folder / "store"), "max_file_store": 1 << 30}
        return config | self.settings

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the nats-server ended: {self.log}"
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.settimeout(0.3)  # with handshake_first it says nothing
                return connection.recv(5) == b"INFO "
        except TimeoutError:
            return bool(self.settings.get("tls", {}).get("handshake_first"))
        except OSError:
            return False
