"""The ports that the appliance is going to listen on."""

import socket
from pathlib import Path

import pytest

from services.ginit.config import Definition
from services.ginit.startup.ports import Port, is_taken, shared, wanted


def numbers(tmp_path, program, text):
    file = tmp_path / "config"
    file.write_text(text, "utf-8")
    service = Definition("one", Path(f"/bin/{program}"), "-o", file, (), "--validate", "ready", True, False)
    return [port.number for port in wanted([service], {"PORT": "1234"})]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("port: 4333\n", [4333]),
        ("host: 0.0.0.0\nport=4333 # not 4222\nhttp_port 8222\n", [4333, 8222]),
        ("listen: 0.0.0.0:4333\n", [4333]),
        ('listen: "127.0.0.1:4333"\nhttp: 8222', [4333, 8222]),
        ("cluster { port: 6222 }\nport: 4333", [6222, 4333]),
        ("# port: 1\n", [4222]),
        ('{"host": "127.0.0.1", "port": 4333}', [4333]),
        ('{"port":4333,"http_port":8333}', [4333, 8333]),
        ('{"listen": "127.0.0.1:4333"}', [4333]),
    ],
)
def test_ports_of_nats_server(tmp_path, text, found):
    """Those in its config, else its default."""
    assert numbers(tmp_path, "nats-server", text) == found


@pytest.mark.parametrize(
    ("program", "text", "found"),
    [
        ("gl", '{"gl_port": 5380}', [5380]),
        ("gl", '{"gl_port": ${PORT}}', [1234]),
        ("gl", '{"gl_port": "many"}', []),
        ("gl", "{", []),
        ("gl", "[]", []),
        ("dummy", '{"port": 5390}', [5390]),
        ("processor", '{"port": 5432}', []),
    ],
)
def test_ports_of_services(tmp_path, program, text, found):
    """Where our services' configs say it. A port in someone else's config may be one that is called."""
    assert numbers(tmp_path, program, text) == found


def test_ports_of_two_services():
    """Each is named with the service that has it first. One service may name a port twice."""
    one, two, three = (Port(number, name, Path(name)) for number, name in ((1, "a"), (2, "b"), (1, "c")))
    assert shared([one, two, three]) == [(one, three)]
    assert shared([one, one, two]) == []


def test_taken_port(free_port):
    """A port is taken while someone listens."""
    with socket.create_server(("127.0.0.1", free_port)):
        assert is_taken(free_port)
    assert not is_taken(free_port)
    assert not is_taken(70000)
