"""Network namespaces: machines of their own for servers, which can be cut off from clients or from each other.

Needs root and the command `ip` (apt install iproute2); `reason` says what is missing.
"""

import contextlib
import os
import shutil
import subprocess
from functools import cache

from tests.support.nats_cluster import ServerAddresses


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


@cache
def reason() -> str:
    """Why there can be no namespaces here; empty if there can."""
    if not shutil.which("ip"):
        return "the command ip is not installed (apt install iproute2)"
    name = f"gecholog-try-{os.getpid()}"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except OSError as error:
        return str(error)
    return ""


class Network:
    """Machines on two networks: one that clients reach, and one for the routes between servers.

    Machine N has the addresses 10.A.B.N for clients and 10.A.(B+1).N for routes, where A.B is of this process.
    """

    def __init__(self, size: int = 3) -> None:
        pid = os.getpid()
        self._mark = f"{pid % 0xFFFFF:x}"
        first, second = 64 + pid // 126 % 128, pid % 126 * 2
        self._nets = {"c": f"10.{first}.{second}", "r": f"10.{first}.{second + 1}"}
        self._names = [f"gecholog-{self._mark}-{number}" for number in range(1, size + 1)]

    def open(self) -> None:
        """Make the machines and their networks."""
        for kind, net in self._nets.items():
            bridge = f"gb{kind}{self._mark}"
            _ip("link", "add", bridge, "type", "bridge")
            _ip("addr", "add", f"{net}.254/24", "dev", bridge)
            _ip("link", "set", bridge, "up")
        for number, name in enumerate(self._names, start=1):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
            for kind, net in self._nets.items():
                outer, inner = self._link(number, kind), f"eth{kind}"
                _ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name)
                _ip("link", "set", outer, "master", f"gb{kind}{self._mark}", "up")
                _ip("-n", name, "addr", "add", f"{net}.{number}/24", "dev", inner)
                _ip("-n", name, "link", "set", inner, "up")

    def close(self) -> None:
        """Remove them; the servers in them have to be gone."""
        for number, name in enumerate(self._names, start=1):
            for (
                kind
            ) in self._nets:  # the kernel removes those of a namespace some time later: the next test has the names
                with contextlib.suppress(OSError):
                    _ip("link", "del", self._link(number, kind))
            with contextlib.suppress(OSError):
                _ip("netns", "del", name)
        for kind in self._nets:
            with contextlib.suppress(OSError):
                _ip("link", "del", f"gb{kind}{self._mark}")

    @property
    def places(self) -> list[ServerAddresses]:
        """Where servers may run."""
        return [
            ServerAddresses(f"{self._nets['c']}.{number}", f"{self._nets['r']}.{number}", ("ip", "netns", "exec", name))
            for number, name in enumerate(self._names, start=1)
        ]

    def cut(self, number: int, *, clients: bool = True) -> None:
        """Cut machine `number`, from 1, off from the others, and from clients as well: packets are lost, unanswered."""
        for kind in "cr" if clients else "r":
            _ip("link", "set", self._link(number, kind), "down")

    def heal(self, number: int) -> None:
        for kind in "cr":
            _ip("link", "set", self._link(number, kind), "up")

    def _link(self, number: int, kind: str) -> str:
        return f"g{kind}{number}{self._mark}"
