"""The fixtures themselves do what they say."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from pathlib import Path

import nats
import pytest
from nats.errors import NoServersError

from gecholog import __version__
from gecholog.tls import OutboundTls, outbound_context
from tests.support import forking
from tests.support.nats_server import MAX_PAYLOAD
from tests.support.ports import free_port, with_ports
from tests.support.process import ROOT, environment_of
from tests.support.target import Answer
from tests.support.waiting import eventually, until


async def send(target, data, *, context=None):
    """Send bytes to a target on a connection of their own; returns all that comes back."""
    host = "localhost" if context else "127.0.0.1"
    reader, writer = await asyncio.open_connection(host, target.port, ssl=context)
    writer.write(data)
    try:
        return await reader.read()
    finally:
        writer.transport.abort()


GET = b"GET /a?b=%2F HTTP/1.1\r\nHost: h\r\nX-Odd: \xe9\r\nx-odd: 2\r\n\r\n"


async def test_nats_server_keeps_port_and_store(nats_server):
    """A nats-server that was killed comes back on its port with what JetStream had stored."""
    hostname = nats_server.hostname
    async with await nats.connect(hostname, token=nats_server.token, allow_reconnect=False) as client:
        assert client.max_payload == MAX_PAYLOAD
        jetstream = client.jetstream()
        await jetstream.add_stream(name="S", subjects=["s"])
        await jetstream.publish("s", b"kept")
    nats_server.kill()
    nats_server.start()
    assert nats_server.hostname == hostname
    async with await nats.connect(hostname, token=nats_server.token, allow_reconnect=False) as client:
        assert (await client.jetstream().get_msg("S", seq=1)).data == b"kept"


async def test_nats_server_refuses_another_token(plain_nats_server):
    """Nobody gets in without the token."""
    with pytest.raises((NoServersError, nats.errors.Error)):
        await nats.connect(plain_nats_server.hostname, token="wrong", allow_reconnect=False, max_reconnect_attempts=1)


async def test_target_records_bytes(target):
    """A request is recorded as it came: target, header bytes, body."""
    target.usual = Answer(close=True)
    await send(target, GET.replace(b"GET", b"POST").replace(b"Host: h", b"Content-Length: 3") + b"abc")
    [request] = target.requests
    assert (request.method, request.target, request.body) == ("POST", "/a?b=%2F", b"abc")
    assert request.headers == ((b"Content-Length", b"3"), (b"X-Odd", b"\xe9"), (b"x-odd", b"2"))


async def test_target_answers_by_script(target):
    """Queued answers go first, in order; then the usual one."""
    target.usual = Answer(raw=[b"usual"], close=True)
    target.then(Answer(status=418, body=b"tea", headers=[("X-A", "1"), ("X-A", "2")], close=True))
    target.then(
        Answer(chunks=[b"ab", b"c"], headers=(), close=True), lambda request: Answer(raw=[request.head], close=True)
    )
    assert await send(target, GET) == b"HTTP/1.1 418 Scripted\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 3\r\n\r\ntea"
    chunked = b"HTTP/1.1 200 Scripted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    assert await send(target, GET) == chunked
    assert await send(target, GET) == GET
    assert await send(target, GET) == b"usual"


async def test_target_breaks_off(target):
    """A dropped connection ends without a byte, a cut answer after the bytes asked for."""
    target.then(Answer(drop=True), Answer(raw=[b"abc", b"def"], cut_after=4))
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(GET)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.transport.abort()
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(GET)
    assert await reader.readexactly(4) == b"abcd"
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.transport.abort()


async def test_target_waits_for_events(target):
    """An answer stands still until the test says so."""
    gate = asyncio.Event()
    target.usual = Answer(raw=[b"before", gate, b"after"], close=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(GET)
    assert await reader.readexactly(6) == b"before"
    assert target.open_connections == 1
    gate.set()
    assert await reader.read() == b"after"
    writer.transport.abort()
    await eventually(lambda: target.open_connections == 0)


async def test_tls_target(tls_target, tls_files):
    """Over TLS the target's certificate is believed by who believes its authority."""
    tls_target.usual = Answer(raw=[b"hello"], close=True)
    context = outbound_context(OutboundTls(system_cert_pool=False, cert_files=(str(tls_files.authority),)))
    assert await send(tls_target, GET, context=context) == b"hello"


def test_run_service_ends_with_the_test(run_service, tmp_path):
    """A process that cannot start gives its exit code and its words."""
    process = run_service("processors.tokencounter", tmp_path / "missing.json")
    assert process.wait() == 1
    assert "cannot be read" in process.output


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["gl", "--validate"], 0, '"file":"standard input"', id="a fork"),
        pytest.param(["gl", "-o", "/missing.json", "--validate"], 1, "cannot be read", id="a fork that fails"),
        pytest.param(["gl", "--version"], 0, __version__, id="no fork"),
    ],
)
def test_programs_are_forks_if_they_only_validate(tmp_path, words, code, said):
    """Either way they have the input, the environment and the exit code of a new process, and leave no pipe open."""
    program, *options = words
    done = subprocess.run(
        [ROOT / "services" / "bin" / program, *options],
        input=(ROOT / "conf" / "gl_config.json").read_text("utf-8"),
        env=environment_of(tmp_path, {"NATS_TOKEN": "a-token-of-a-test"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert said in done.stdout


def test_a_fork_ends_with_who_asked_for_it(tmp_path):
    """A validation that waits for its input ends when its caller is killed."""
    command = [forking.PYTHON, "-m", "services.gl", "--validate"]
    environ = environment_of(tmp_path, {})
    with subprocess.Popen(command, env=environ, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        until(lambda: len(_working_in(tmp_path)) == 2, "the fork")
        process.kill()
        until(lambda: not _working_in(tmp_path), "the end of the fork")


def _working_in(folder):
    """The processes whose working directory this is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found += [process.name] * ((process / "cwd").readlink() == folder)
    return found


def test_ports_are_given_out_once():
    """Neither this process nor another one of the tests gets a port that someone has."""
    ours = [free_port() for _ in range(100)]
    program = "from tests.support.ports import free_port; print(*(free_port() for _ in range(400)))"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    theirs = [int(port) for port in told.stdout.split()]
    assert len({*ours, *theirs}) == 500


def test_ports_in_use_are_passed_over():
    """A port that any program listens on is not given out."""
    taken = free_port()
    with socket.create_server(("127.0.0.1", taken)):
        assert taken not in {free_port() for _ in range(500)}
    assert taken in {free_port() for _ in range(500)}


def test_ports_of_a_config():
    """A new port may have an old one in it."""
    assert with_ports("a:4222 b:5380 c:4222", {"4222": 15380, "5380": 9}) == "a:15380 b:9 c:15380"
