"""The dummy as a process."""

import hashlib
import json
import socket

import pytest


def said(dummy):
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    return dummy.send("POST", "/v1/chat/completions", body)


def test_healthy(start):
    """It is healthy while it serves, and ends with exit code 0."""
    dummy = start()
    assert dummy.process.checksum == hashlib.sha256(dummy.file.read_bytes()).hexdigest()
    assert said(dummy).status == 200
    assert dummy.process.stop() == 0
    assert dummy.process.checksum is None


def test_port_taken(start):
    """If the port is in use, it ends with an error that names host and port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        dummy = start(ready=False, port=port)
        assert dummy.process.wait() == 1
    reason = dummy.process.wait_for_log("cannot go on")["reason"]
    assert reason == f"port {port} of 127.0.0.1 is taken: another program listens on it"
    assert "Traceback" not in dummy.process.output


def test_reload(start):
    """A new config is in force at once, on the same port."""
    dummy = start()
    port = dummy.port
    dummy.reload({"port": 0, "error_rate": 1}, "config in force")
    assert dummy.port == port
    assert said(dummy).status == 500


def test_reload_to_another_port(start, free_port):
    """It moves to the new port. A call that began on the old one completes."""
    dummy = start()
    old = dummy.port
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    slow = {"X-Dummy-Chunks": "3", "X-Dummy-Chunk-Delay-Ms": "500"}
    connection = dummy.connect()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), slow)
    answer = connection.getresponse()
    assert answer.readline().startswith(b"data: ")
    dummy.reload({"port": free_port}, "config in force")
    assert said(dummy).status == 200
    assert answer.read().endswith(b"data: [DONE]\n\n")
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", old))


def test_reload_to_a_port_that_is_taken(start):
    """It stays on its port, with its config."""
    dummy = start()
    before = dummy.process.checksum
    with socket.create_server(("127.0.0.1", 0)) as other:
        dummy.reload({"port": other.getsockname()[1], "error_rate": 1}, "config not taken")
    assert said(dummy).status == 200
    assert dummy.process.checksum == before
    assert dummy.process.stop() == 0
