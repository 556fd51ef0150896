"""A gateway with workers, and what is seen of them."""

import contextlib
import itertools
import os
import signal
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

from gecholog.workerstatus import WorkerStatusFile
from tests.services.gl.rig.gateway import Gateway
from tests.services.gl.rig.http_client import HttpClient
from tests.support.waiting import DEADLINE, until

_TICK = 0.02  # seconds between two looks


class RunningWorkers:
    """The parent is `gateway`."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._file = WorkerStatusFile.of("gl", gateway.process.home)

    @property
    def pids(self) -> tuple[int, ...]:
        status = self._file.read()
        return () if status is None else status.pids

    @property
    def restarts(self) -> int:
        return self._file.read().restarts

    def all_serve(self):
        """Wait until there are as many workers as there should be. Returns their process ids."""

        def serving():
            status = self._file.read()
            return status is not None and status.serving == status.workers and status.pids

        return until(serving, "all workers")

    def kill(self, number: int = 0) -> None:
        """kill -9 for one worker; returns when its successor serves."""
        before, pid = self.restarts, self.all_serve()[number]
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.restarts > before, "a restart")
        self.all_serve()

    def healthz(self) -> int:
        """The status of a health check on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.gateway.port, timeout=DEADLINE)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        finally:
            connection.close()

    @contextlib.contextmanager
    def watched(self):
        """Collects what a health check would have complained of: `problems`, while the block runs."""
        problems, done = [], threading.Event()

        def look():
            while not done.wait(_TICK):
                if self.gateway.process.checksum is None:
                    problems.append(f"{time.time()}: no checksum")

        watching = threading.Thread(target=look, daemon=True)
        watching.start()
        try:
            yield problems
        finally:
            done.set()
            watching.join()

    @contextlib.contextmanager
    def asked(self):
        """Asks each worker without end while the block runs, and collects which config answers: see `Answers`."""
        answers, done = Answers(), threading.Event()
        clients: dict[int, HttpClient] = {}
        while len(clients) < len(self.all_serve()):
            client = self.gateway.client()
            number = _worker_of(client.ask("GET", "/echo/a").reply().transaction)
            clients.setdefault(number, client)

        def ask(client):
            while not done.is_set():
                answers.add(client.ask("GET", "/echo/a").reply().transaction)

        asking = [threading.Thread(target=ask, args=[client], daemon=True) for client in clients.values()]
        for thread in asking:
            thread.start()
        try:
            yield answers
        finally:
            done.set()
            for thread in asking:
                thread.join()
            for client in clients.values():
                client.leave()


class Answers:
    """When each config, told by its gateway id, was given to a call first and last, by the time in session ids."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}  # nanoseconds since 1970, when a worker began the call
        self._last: dict[str, int] = {}
        self._lock = threading.Lock()
        self.count = 0

    def add(self, transaction: str) -> None:
        """Note the session id of an answer: a busy client may have been late to ask and to look."""
        name, time_of_call, *_ = transaction.split("_")
        begun = int(time_of_call)
        with self._lock:
            self._first[name] = min(begun, self._first.get(name, begun))
            self._last[name] = max(begun, self._last.get(name, begun))
            self.count += 1

    @property
    def overlaps(self) -> list[float]:
        """For how many seconds calls still began with a config after the first with the next one, for each of them."""
        names = sorted(self._first, key=self._first.__getitem__)
        return [max(0, self._last[one] - self._first[following]) / 1e9 for one, following in itertools.pairwise(names)]


def _worker_of(transaction: str) -> int:
    return int(transaction.split("_")[2]) % 64


def is_running(pid: int) -> bool:
    """Whether a process runs; one that waits for its parent to take notice of its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
