"""The shipped nats-server.conf: with the token, and with the two users that NATS_USERS=on asks for."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import nats.errors
import pytest

from gecholog.bus import Bus, BusAddress
from gecholog.errors import LoginRefused, NoAnswer, NotPermitted
from gecholog.keyvalue import KeyValue
from gecholog.logs import Log
from gecholog.recordlog import Limits, RecordLogConfig, ensure
from services.ginit.startup import bus_users
from tests.support.nats_server import PROGRAM
from tests.support.ports import free_port
from tests.support.process import ROOT, ServiceProcess, environment_of
from tests.support.waiting import DEADLINE, eventually, until

SHIPPED = ROOT / "conf" / "nats-server.conf"
TRIED = ROOT / "tests" / "gecholog" / "tried_processor.py"
TOKEN, PASSWORD = "TheTokenOfTheAppliance", "ThePasswordOfProcessors"

WITH_TOKEN, WITH_USERS = False, True


class Server:
    """A nats-server with the shipped config."""

    def __init__(self, folder):
        self.port = free_port()
        self._folder = folder
        self._process = None

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def write_config(self, users):
        """Write the config as NATS_USERS asks for it."""
        self._folder.mkdir(exist_ok=True)
        config = self._folder / "nats-server.conf"
        shipped = SHIPPED.read_text("utf-8").replace("4222", str(self.port))
        config.write_text(bus_users.switched(shipped, users=users), "utf-8")
        return config

    def start(self, users):
        config = self.write_config(users)
        environ = {"NATS_TOKEN": TOKEN, "NATS_PROCESSOR_PASSWORD": PASSWORD, "NATS_LISTEN": "127.0.0.1"}
        environ |= {"NATS_STORE_DIR": f'"{self._folder / "store"}"'}
        log = self._folder / "log"
        with log.open("wb") as stderr:
            self._process = subprocess.Popen([PROGRAM, "-c", str(config)], env=os.environ | environ, stderr=stderr)
        until(lambda: "Server is ready" in log.read_text("utf-8"))

    def reload(self, users):
        self.write_config(users)
        self._process.send_signal(signal.SIGHUP)

    def kill(self):
        self._process.kill()
        self._process.wait()

    @asynccontextmanager
    async def connected(self, inboxes="_INBOX", **credentials):
        section = {"hostname": f"127.0.0.1:{self.port}"} | credentials
        bus = Bus(BusAddress.of_section(section), "test", Log("test"), inboxes)
        running = asyncio.create_task(bus.run())
        opened = asyncio.create_task(bus.opened())
        try:
            await asyncio.wait({running, opened}, timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            yield bus
        finally:
            opened.cancel()
            await bus.close()
            await asyncio.gather(running, opened, return_exceptions=True)

    def appliance(self):
        """As the shipped configs of the services log in."""
        return self.connected(token=TOKEN, user="appliance")

    def processor(self):
        return self.connected("_INBOX_processor", user="processor", password=PASSWORD)


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(users):
        server = Server(tmp_path / "nats")
        server.start(users)
        started.append(server)
        return server

    yield begin
    for server in started:
        server.kill()


async def test_with_the_token_alone(start):
    """As it ships: whoever has the token may do everything, with a user or without."""
    server = start(WITH_TOKEN)
    async with server.appliance() as ours, server.connected(token=TOKEN) as old:
        await KeyValue(old, "things").ensure()
        assert await KeyValue(ours, "things").put("a", b"1")
    with pytest.raises(LoginRefused):
        async with server.processor():
            pass


async def test_the_services_stay_when_users_come(start):
    """The appliance's services continue when the file has users, also those whose config names none."""
    server = start(WITH_TOKEN)
    other = await nats.connect(server.url, token=TOKEN, allow_reconnect=False, error_cb=_ignored)
    async with server.appliance() as bus, server.connected(token=TOKEN) as old:
        server.reload(WITH_USERS)
        await eventually(lambda: other.is_closed, "the end of the token")
        await eventually(lambda: bus.connected and old.connected, "the bus")
        await KeyValue(old, "things").ensure()


async def test_other_clients_with_the_token_are_refused(start):
    """A client of another make sends the token alone, which is no login of a user. Its user and password are one."""
    server = start(WITH_USERS)
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await nats.connect(server.url, token=TOKEN, allow_reconnect=False, error_cb=_ignored)
    client = await nats.connect(server.url, user="processor", password=PASSWORD)
    await client.close()


async def _ignored(_):
    """nats-py prints errors otherwise."""


async def test_what_processors_may_do(start):
    """They answer what gl asks, and show themselves. They see no record and nothing that is kept."""
    server = start(WITH_USERS)
    async with server.appliance() as gl, server.processor() as processor:
        seen, taken = [], []

        async def answer(message):
            taken.append(message.data)
            await message.answer(b"answer")

        async def see(message):
            seen.append(message)

        await ensure(gl, "coburn.gl.logger", RecordLogConfig(limits=Limits(max_bytes=1 << 20)))
        await KeyValue(gl, "gecholog_keys").ensure()
        await processor.subscribe("coburn.gl.mine", answer, "anything")
        for subject in ("coburn.gl.logger", "coburn.gl.>", "_INBOX.>", "$KV.>", "$JS.>", ">"):
            await processor.subscribe(subject, see)
        await processor.flush()
        assert await gl.request("coburn.gl.mine", b"question", 5) == b"answer"
        await gl.request("coburn.gl.logger", b'{"a": "record"}', 5)
        await KeyValue(gl, "gecholog_keys").put("a", b"another secret")
        await gl.request("coburn.gl.mine", b"last", 5)
        await eventually(lambda: taken == [b"question", b"last"])
        await processor.flush()
        assert {message.subject for message in seen} <= {"coburn.gl.mine"}
        for subject in ("$JS.API.STREAM.NAMES", "$KV.gecholog_keys.a", "coburn.gl.logger", "coburn.gl.mine"):
            with pytest.raises(NotPermitted):
                await processor.request(subject, b"x", 5)
        assert (await KeyValue(gl, "gecholog_keys").get("a")).value == b"another secret"


async def test_asking_whether_gl_is_alive(start):
    """That is all that a processor may ask, beside other processors for their names."""
    server = start(WITH_USERS)
    async with server.appliance() as gl, server.processor() as processor:

        async def alive(message):
            await message.answer(b"{}")

        await gl.subscribe("coburn.gl.isalive", alive)
        await gl.flush()
        assert await processor.request("coburn.gl.isalive", b"", 5) == b"{}"
        with pytest.raises(NoAnswer):
            await processor.request("$SRV.PING", b"", 5)


async def test_the_sdk(start, tmp_path):
    """A processor of the SDK answers, and its health check finds it, with what the comment in the file says."""
    server = start(WITH_USERS)
    login = {"GECHOLOG_HOST": f"127.0.0.1:{server.port}", "NATS_USER": "processor", "NATS_PASSWORD": PASSWORD}
    environ = environment_of(tmp_path, login)
    process = ServiceProcess([sys.executable, str(TRIED)], alias="tried", home=tmp_path, env=environ)
    try:
        await process.logged("listening for messages")
        async with server.appliance() as gl:
            assert await gl.request("coburn.gl.tried", b'{"ingress_payload": {"a": 1}}', DEADLINE)
        check = [sys.executable, str(TRIED), "--healthcheck"]
        done = await asyncio.to_thread(subprocess.run, check, env=environ, cwd=Path(tmp_path), check=False)
        assert done.returncode == 0
        assert await process.stopped() == 0
        assert "the bus complains" not in process.messages()
    finally:
        process.close()
