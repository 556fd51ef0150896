"""The shipped nats-server.conf: with its token, and with the two users that it has prepared."""

import asyncio
import os
import re
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gecholog.bus import Bus, BusAddress
from gecholog.errors import LoginRefused, NoAnswer, NotPermitted
from gecholog.keyvalue import KeyValue
from gecholog.logs import Log
from gecholog.recordlog import Limits, RecordLogConfig, ensure
from tests.support.nats_server import PROGRAM
from tests.support.ports import free_port
from tests.support.process import ROOT, ServiceProcess, environment_of
from tests.support.waiting import DEADLINE, eventually, until

SHIPPED = ROOT / "conf" / "nats-server.conf"
TRIED = ROOT / "tests" / "gecholog" / "tried_processor.py"
TOKEN, PASSWORD = "TheTokenOfTheAppliance", "ThePasswordOfProcessors"
TOKEN_BLOCK = re.compile(r"^authorization \{\n.*?^\}\n", re.MULTILINE | re.DOTALL)
USERS_BLOCK = re.compile(r"^#(authorization \{\n(?:#.*\n)*?#\})$", re.MULTILINE)


def with_users(text):
    """What the comment in the file says: the first block removed, and the # before the second."""
    assert len(TOKEN_BLOCK.findall(text)) == len(USERS_BLOCK.findall(text)) == 1
    return USERS_BLOCK.sub(lambda found: found[0].replace("\n#", "\n").removeprefix("#"), TOKEN_BLOCK.sub("", text))


class Server:
    """A nats-server with the shipped config."""

    def __init__(self, folder, change=lambda text: text):
        self.port = free_port()
        folder.mkdir(exist_ok=True)
        self.config = folder / "nats-server.conf"
        self.config.write_text(change(SHIPPED.read_text("utf-8")).replace("4222", str(self.port)), "utf-8")
        environ = {"NATS_TOKEN": TOKEN, "NATS_PROCESSOR_PASSWORD": PASSWORD, "NATS_LISTEN": "127.0.0.1"}
        environ |= {"NATS_STORE_DIR": f'"{folder / "store"}"'}
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen([PROGRAM, "-c", str(self.config)], env=os.environ | environ, stderr=log)
        until(lambda: "Server is ready" in (folder / "log").read_text("utf-8"))

    def reload(self, change):
        self.config.write_text(change(SHIPPED.read_text("utf-8")).replace("4222", str(self.port)), "utf-8")
        self.process.send_signal(1)

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

    def begin(change=lambda text: text):
        started.append(Server(tmp_path / "nats", change))
        return started[-1]

    yield begin
    for server in started:
        server.process.kill()
        server.process.wait()


async def test_with_the_token_alone(start):
    """As it ships: whoever has the token may do everything, with a user or without."""
    server = start()
    async with server.appliance() as ours, server.connected(token=TOKEN) as old:
        await KeyValue(old, "things").ensure()
        assert await KeyValue(ours, "things").put("a", b"1")
    with pytest.raises(LoginRefused):
        async with server.processor():
            pass


async def test_the_services_stay_when_users_come(start):
    """The appliance's services go on when the file has users; those that have only the token are sent away."""
    server = start()
    async with server.appliance() as bus, server.connected(token=TOKEN) as old:
        server.reload(with_users)
        await eventually(lambda: not old.connected, "the end of the token")
        await eventually(lambda: bus.connected)
        await KeyValue(bus, "things").ensure()
    with pytest.raises(LoginRefused):
        async with server.connected(token=TOKEN):
            pass


async def test_what_processors_may_do(start):
    """They answer what gl asks, and show themselves. They see no record and nothing that is kept."""
    server = start(with_users)
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
    server = start(with_users)
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
    server = start(with_users)
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
