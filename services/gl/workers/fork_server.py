"""The fork server: a process that has loaded gl, and forks each worker.

So a worker starts at once, and shares the memory of the modules with the others. The fork server itself has no thread,
no event loop and no connection: nothing that a forked process could not use. It knows no config, and stays to replace
workers that end. It ends when its parent has ended; the workers finish their calls.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import select
import signal
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from gecholog import logs
from services.gl.workers import message, worker
from services.gl.workers.balance import Counts
from services.gl.workers.message import MOST_SOCKETS, Decoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OPTION = "--fork-server"
"""The first argument of a process that is a fork server from its start."""
START = "start"
"""The call that forks a worker: its number, and its end of the channel. It returns the process id."""
ENDED = "ended"
"""What the fork server tells when a worker has ended: `pid`, and `code` as `os.waitstatus_to_exitcode` has it."""

_READ = 64 * 1024  # bytes


class _StartRequest(NamedTuple):
    """A worker to start, and the id of the call that asks for it."""

    id: int
    number: int
    end: socket.socket


def main(argv: Sequence[str]) -> int:
    """Run a fork server that was started as a program, and return its exit code, or that of a worker."""
    parser = argparse.ArgumentParser(prog="gl", description="The fork server of workers, which only gl itself starts.")
    parser.add_argument(OPTION, action="store_true", required=True)
    parser.add_argument("--channel", type=int, required=True, help="descriptor of the channel to the parent")
    parser.add_argument("--counts", type=int, required=True, help="descriptor of the file with numbers of connections")
    parser.add_argument("-a", default="gl")
    arguments = parser.parse_args(argv)
    freeze()
    return run(socket.socket(fileno=arguments.channel), arguments.a, Counts(arguments.counts))


def freeze() -> None:
    """Exempt the present objects from collections: each one would write to all of them, and so copy their memory."""
    gc.collect()
    gc.freeze()


def run(end: socket.socket, alias: str, counts: Counts) -> int:
    """Fork workers until the parent has ended. Returns the exit code; in a worker, that of the worker."""
    _call_process("gl-fork-server")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # meant for the parent, when they go to a whole group
        signal.signal(number, signal.SIG_IGN)
    server = _ForkServer(end)
    for request in server.requests():
        if server.fork(request):
            return _work(request, alias, counts)
    return 0


def _work(request: _StartRequest, alias: str, counts: Counts) -> int:
    _call_process(f"gl-worker-{request.number}")
    logs.setup(alias, worker=request.number)
    try:
        return worker.run(request.end, alias, request.number, counts.of(request.number))
    finally:
        logs.finish()


class _ForkServer:
    """Takes requests from the parent, and waits for workers that end."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._woken, self._wake = socket.socketpair()  # when a worker ends
        for one in (self._woken, self._wake):
            one.setblocking(False)  # noqa: FBT003 - the standard library's own
        signal.set_wakeup_fd(self._wake.fileno())
        signal.signal(signal.SIGCHLD, _wake_up)

    def requests(self) -> Iterator[_StartRequest]:
        """The workers to start, until the parent has ended."""
        decoder, ready = Decoder(), select.poll()
        ready.register(self._end, select.POLLIN)
        ready.register(self._woken, select.POLLIN)
        while True:
            found = {descriptor for descriptor, _ in ready.poll()}
            if self._woken.fileno() in found:
                self._woken.recv(_READ)
                self._tell_ended()
            if self._end.fileno() in found:
                try:
                    data, descriptors, _, _ = socket.recv_fds(self._end, _READ, MOST_SOCKETS)
                except ConnectionError:
                    return
                if not data:
                    return
                ends = [socket.socket(fileno=descriptor) for descriptor in descriptors]
                for fields, _ in decoder.feed(data):
                    yield _StartRequest(fields["id"], fields["argument"], ends.pop(0))

    def fork(self, request: _StartRequest) -> bool:
        """Fork this process, and tell the id of the new one. Returns whether this is the new one."""
        try:
            pid = os.fork()
        except OSError as error:
            self._tell({"id": request.id, "error": f"the process cannot be forked: {error.strerror}"})
            request.end.close()
            return False
        if pid:
            self._tell({"id": request.id, "result": pid})
            request.end.close()
            return False
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one in (self._end, self._woken, self._wake):
            one.close()
        return True

    def _tell_ended(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._tell({"call": ENDED, "argument": {"pid": pid, "code": os.waitstatus_to_exitcode(status)}})

    def _tell(self, fields: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):  # `requests` sees the end of the parent as well
            self._end.sendall(message.encode(fields))


def _wake_up(_: int, __: object) -> None:
    """A signal without a handler does not wake the process up."""


def _call_process(name: str) -> None:
    """Give the process a name in lists of processes, where that can be done without a library."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(name)
