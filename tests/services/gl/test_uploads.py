"""Large bodies through a real gateway: whole, over TLS as well, and with bounded memory."""

import contextlib
import hashlib
import json
import ssl
import threading

import pytest

from tests.services.gl.rig.gateway import resident, router
from tests.support.waiting import until

MIB = 1024 * 1024
BODY = json.dumps({"text": "0123456789abcdef" * (3 * MIB // 16)}).encode()


def chunked(body, size):
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.fixture(scope="module")
def secure(run_gateway, shared_upstream, tls_files):
    ingress = {
        "enabled": True,
        "certificate_file": str(tls_files.certificate),
        "private_key_file": str(tls_files.private_key),
    }
    return run_gateway([router("/service/", shared_upstream.url)], tls={"ingress": ingress, "outbound": {}})


@pytest.mark.parametrize("over_tls", [False, True])
@pytest.mark.parametrize("framing", ["length", "chunks", "small chunks"])
def test_large_bodies_arrive_whole(gateway, secure, upstream, tls_files, over_tls, framing):
    """However they come, and whatever is in the way."""
    used = secure if over_tls else gateway
    tls = ssl.create_default_context(cafile=str(tls_files.authority)) if over_tls else None
    with used.client(tls=tls) as client:
        for _ in range(2):
            if framing == "length":
                client.ask("POST", "/service/x", {}, BODY)
            else:
                sent = chunked(BODY, 100_000 if framing == "chunks" else 100)
                client.ask("POST", "/service/x", {"Transfer-Encoding": "chunked"}, sent)
            assert client.reply().status == 200
    hashes = {hashlib.sha256(seen.body).hexdigest() for seen in upstream.seen}
    assert hashes == {hashlib.sha256(BODY).hexdigest()}


class Stalling:
    """A client that sends a body except its last bytes, as far as it is read, and then nothing."""

    def __init__(self, gateway, size, times=1):
        self.sent = 0
        self._caller = gateway.client().__enter__()
        self._size = size
        self._times = times
        self.thread = threading.Thread(target=self._send, daemon=True)
        self.thread.start()

    def _send(self):
        piece = bytes(64 * 1024)
        with contextlib.suppress(OSError):
            for turn in range(self._times):
                self._caller.ask("POST", "/service/large", {"Content-Length": str(self._size)})
                left = self._size - (1000 if turn == self._times - 1 else 0)
                while left:
                    self._caller.send(piece[:left])
                    self.sent += len(piece[:left])
                    left -= len(piece[:left])

    def close(self):
        self._caller.leave()
        self.thread.join()


def test_memory_of_stalled_uploads(run_gateway, shared_upstream, upstream):
    """Ten clients stop inside 40 MB, and one sends seven such requests at once: calls continue, memory stays."""
    gateway = run_gateway([router("/service/", shared_upstream.url)])
    assert gateway.call("POST", "/service/x", body=b"{}").status == 200
    before, most = resident(gateway.process.pid), 0
    clients = [Stalling(gateway, 40 * MIB) for _ in range(10)] + [Stalling(gateway, 40 * MIB, times=7)]
    try:
        until(lambda: max(client.sent for client in clients) > 39 * MIB, "a whole upload", 60)
        for number in range(100):
            assert gateway.call("POST", f"/service/{number}", body=b"{}").status == 200
            most = max(most, resident(gateway.process.pid))
    finally:
        for client in clients:
            client.close()
    assert most - before < 115 * MIB


def test_a_stalled_upload_makes_room(run_gateway, shared_upstream, upstream):
    """Who sends nothing more is told so when another one waits, and that one is served."""
    gateway = run_gateway([router("/service/", shared_upstream.url)], limits={"inflight_body_bytes": 4 * MIB})
    with gateway.client() as stalled, gateway.client() as waiting:
        stalled.ask("POST", "/service/x", {"Content-Length": str(3 * MIB)}, b"x" * MIB)
        until(lambda: gateway.call("POST", "/service/y", body=b"{}").status == 200, "another call")
        sender = threading.Thread(target=waiting.ask, args=("POST", "/service/z", {}, BODY))
        sender.start()
        assert stalled.reply().status == 408
        assert waiting.reply().status == 200
        sender.join()
    assert gateway.call("POST", "/service/x", body=BODY).status == 200
