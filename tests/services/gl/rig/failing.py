"""An upstream that fails in one way until it recovers."""

import socket
import threading

from tests.services.gl.rig.upstream import Talk, Upstream

DOWN = b'{"error": {"message": "down", "type": "server_error", "param": null, "code": null}}'


def _status(status: int, *lines: str):
    return lambda talk: talk.reply(DOWN, status, *lines)


def _half_a_head(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Ty")
    talk.close()


def _head_only(talk: Talk) -> None:
    talk.head("Content-Type: application/json", "Content-Length: 500")
    talk.close()


def _hang(talk: Talk) -> None:
    talk.left()
    talk.close()


WAYS = {
    "500": _status(500),
    "429": _status(429, "Retry-After: 60"),
    "refused": None,
    "hanging": _hang,
    "closed": Talk.close,
    "reset": Talk.reset,
    "half-a-head": _half_a_head,
    "head-only": _head_only,
}
"""What an upstream does instead of responding. `refused`: its port is closed."""


class FailingUpstream(Upstream):
    """An upstream that fails in a way of `WAYS` until `recover`, and answers with its name afterwards."""

    def __init__(self, way: str) -> None:
        self._refuses = WAYS[way] is None
        super().__init__()
        self.behaviour = WAYS[way] or self._answer

    def recover(self) -> None:
        """Respond from now on."""
        self.behaviour = self._answer
        if self._refuses:
            self._refuses = False
            self._listening.listen(256)
            threading.Thread(target=self._accept, daemon=True).start()

    def _listen(self) -> socket.socket:
        if not self._refuses:
            return super()._listen()
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))  # a bound port that does not listen refuses connections
        return listening

    def _answer(self, talk: Talk) -> None:
        talk.reply(b'{"from": "first"}')
