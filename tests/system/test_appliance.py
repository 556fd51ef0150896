"""The whole appliance, as `make up` starts it: from a call to its record, and through the deaths of its parts."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys

import aiohttp
import nats
import nats.errors
import openai
import pytest

from tests.support.process import environment_of
from tests.support.waiting import DEADLINE, eventually, until
from tests.system.conftest import UP

CHAT = {"model": "dummy", "messages": [{"role": "user", "content": "Hello"}]}
PATH = "/dummy/v1/chat/completions"


def healthcheck(appliance, *arguments):
    command = [sys.executable, "-m", "services.healthcheck", *arguments]
    return subprocess.run(
        command, env=environment_of(appliance.folder, {}), capture_output=True, text=True, check=False
    )


async def call(session, appliance, **headers):
    async with session.post(appliance.url + PATH, json=CHAT, headers=headers) as response:
        return response.status, await response.json()


async def test_from_a_call_to_its_record(whole_appliance):
    """A call through the OpenAI SDK is answered, counted and recorded; then all ends without a trace.

    Nothing here is a fork of a process of the tests: each validation, too, is a Python of its own.
    """
    await asyncio.to_thread(whole_appliance.up, *UP, GECHOLOG_PYTHON=sys.executable)
    client = openai.AsyncOpenAI(base_url=whole_appliance.url + "/dummy/v1", api_key="sk-very-secret")
    async with client:
        answer = await client.chat.completions.create(**CHAT)
    assert "Hello" in answer.choices[0].message.content
    (record,) = await eventually(whole_appliance.records, "the record")
    assert record["response"]["token_count"]["total_tokens"] == answer.usage.total_tokens
    assert record["transaction_id"].startswith(record["session_id"])
    assert record["ingress_egress_timer"]["start"]
    log = (whole_appliance.folder / "log" / "gecholog.jsonl").read_text("utf-8")
    assert "sk-very-secret" not in log + "\n".join(whole_appliance.lines)
    assert healthcheck(whole_appliance, "-s", "gl", "-p").stdout == whole_appliance.sum_of("gl_config")
    assert healthcheck(whole_appliance).returncode == 0
    assert re.match(r"healthy: 8 services \(off: nats2log\)\n", healthcheck(whole_appliance).stdout)
    people = "\n".join(line for line in whole_appliance.lines if not line.startswith("{"))
    assert f"port {whole_appliance.gl_port}" in people
    assert f"curl -s http://localhost:{whole_appliance.gl_port}{PATH}" in people
    assert await asyncio.to_thread(whole_appliance.stop) == 0
    assert whole_appliance.processes() == []
    assert healthcheck(whole_appliance).returncode == 1
    assert len(whole_appliance.records()) == 1


async def test_all_lines_of_the_system_log_are_json(whole_appliance):
    """nats-server's too, with its level; what is for people is on standard error."""
    await asyncio.to_thread(whole_appliance.up, *UP)
    await asyncio.to_thread(whole_appliance.stop)
    out = [line for line in whole_appliance.lines if line.startswith("{")]
    entries = [json.loads(line) for line in out]
    assert all({"time", "level", "msg", "service"} <= entry.keys() for entry in entries)
    assert {"nats-server", "gl", "nats2file", "tokencounter", "dummy", "ginit"} <= {one["service"] for one in entries}


async def test_killed_services_come_back(appliance):
    """One after another: its checksum file goes with it and comes with it, and calls work again."""
    await asyncio.to_thread(appliance.up, *UP)
    for name in ("nats-server", "gl", "nats2file", "tokencounter", "dummy"):
        first, recorded = appliance.pid(name), len(appliance.records())
        os.kill(first, signal.SIGKILL)
        gone = lambda: healthcheck(appliance, "-s", name).returncode == 1 or appliance.pid(name) != first  # noqa: B023, E731
        await eventually(gone, f"the end of {name}")
        await asyncio.to_thread(appliance.said, "service is healthy", times=2, child=name)
        assert healthcheck(appliance, "-s", name).returncode == 0
        await _calls_work(appliance)
        await eventually(lambda: len(appliance.records()) > recorded, f"the record after {name} was killed")  # noqa: B023


async def _calls_work(appliance):
    """Wait until a call is answered, and counted."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(DEADLINE):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                status, answer = await call(session, appliance)
                if status == 200 and answer["usage"]["total_tokens"] > 0:
                    return
            await asyncio.sleep(0.05)


async def test_config_with_a_bus_that_is_away(appliance, free_port):
    """gl says itself that it does not take it, in time: nobody restarts it, and it serves on."""
    await asyncio.to_thread(appliance.up, *UP)
    pid, before = appliance.pid("gl"), appliance.checksum("gl")
    bus = json.loads(appliance.config("gl_config").read_text("utf-8"))["service_bus"]
    appliance.change("gl_config", service_bus=bus | {"hostname": f"127.0.0.1:{free_port}"})
    await asyncio.to_thread(appliance.said, "config is refused", child="gl", sha256=before)
    assert (appliance.pid("gl"), appliance.checksum("gl")) == (pid, before)
    async with aiohttp.ClientSession() as session:
        assert (await call(session, appliance))[0] == 200


async def test_calls_have_the_time_that_the_config_gives_them(appliance):
    """Told to end, the appliance waits for gl as long as its config says, also if that was changed meanwhile."""
    await asyncio.to_thread(appliance.up, *UP)
    appliance.change("gl_config", shutdown_timeout_ms=20_000)
    await eventually(lambda: appliance.in_force("gl", "gl_config"), "the new config")
    slow = {"X-Dummy-Chunks": "6", "X-Dummy-Chunk-Delay-Ms": "1000"}
    async with aiohttp.ClientSession() as session:
        request = session.post(appliance.url + PATH, json=CHAT | {"stream": True}, headers=slow)
        async with request as response:
            ending = asyncio.create_task(asyncio.to_thread(appliance.stop))
            assert (await response.read()).endswith(b"data: [DONE]\n\n")
        assert await ending == 0
    (record,) = appliance.records()
    assert record["response"]["inbound_stream"]["completed"] is True


@pytest.mark.parametrize("program", ["ginit.startup.entrypoint", "ginit.startup.launcher", "-a\0ginit"])
def test_ctrl_c_at_the_start(appliance, program):
    """However early it comes, all ends without a traceback."""
    appliance.start(*UP)
    until(lambda: any(program in command for _, command in appliance._commands()), program)
    assert appliance.stop() in {0, 130}
    assert appliance.processes() == []
    assert not [line for line in appliance.lines if "Traceback" in line]


@pytest.mark.parametrize("program", ["services.ginit.startup.entrypoint", "services.gl"])
def test_death_of_the_starter(appliance, program):
    """If what `make up` runs is killed, the appliance ends in order."""
    appliance.start(*UP)
    until(lambda: any(program in command for _, command in appliance._commands()), program)
    appliance.process.kill()
    until(lambda: not appliance.processes(), "the end of all processes")
    assert list((appliance.folder / "checksum").glob("*")) == []


def test_port_that_is_taken(appliance):
    """It is named before anything starts, and nothing is left half started."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", appliance.gl_port))
        other.listen()
        appliance.start(*UP)
        assert appliance.ended() == 1
    error = next(line for line in appliance.lines if line.startswith("error:"))
    assert f"port {appliance.gl_port} is taken" in error
    assert "gl_config.json" in error
    assert appliance.processes() == []
    assert not appliance.find("starting")


def test_defaults_of_an_empty_home(appliance):
    """Config files that are missing are put there, others are left; the generated token is for its owner only."""
    kept = appliance.config("gl_config").read_bytes()
    appliance.config("dummy_config").unlink()
    (appliance.folder / "conf" / "ginit_nogui_config.json").unlink()
    appliance.start(*UP)
    until(lambda: appliance.config("dummy_config").exists() and appliance.config("ginit_nogui_config").exists())
    token = until(lambda: appliance.folder / "secrets" / "NATS_TOKEN", "the token")
    until(lambda: appliance.find("starting", service="ginit") or appliance.find("cannot start"), "the start")
    assert appliance.config("gl_config").read_bytes() == kept
    assert token.read_text() not in "\n".join(appliance.lines)
    appliance.stop()


def test_token_that_nats_server_would_misread(appliance):
    """The error says so, and does not say the token."""
    appliance.start(*UP, NATS_TOKEN="123456789")
    assert appliance.ended() == 1
    assert any(line.startswith("error: NATS_TOKEN") for line in appliance.lines)
    assert "123456789" not in "\n".join(appliance.lines)


async def test_users_of_the_bus(appliance):
    """NATS_USERS=on: all works as before, a client with the token alone is refused, a processor sees little."""
    await asyncio.to_thread(appliance.up, *UP, NATS_USERS="on")
    async with aiohttp.ClientSession() as session:
        status, _ = await call(session, appliance)
    assert status == 200
    (record,) = await eventually(appliance.records, "the record")
    assert record["response"]["token_count"]["total_tokens"]
    token, password = (
        (appliance.folder / "secrets" / name).read_text() for name in ("NATS_TOKEN", "NATS_PROCESSOR_PASSWORD")
    )
    assert appliance.find("users of the bus changed", users="on")
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await _bus_of(appliance, token=token)
    inboxes = {"inbox_prefix": b"_INBOX_processor"}
    processor = await _bus_of(appliance, user="processor", password=password, **inboxes)
    owner = await _bus_of(appliance, user="appliance", password=token)
    await owner.request("$JS.API.STREAM.NAMES", b"", timeout=DEADLINE)
    assert await processor.request("coburn.gl.isalive", b"", timeout=DEADLINE)
    with pytest.raises(nats.errors.Error):
        await processor.request("$JS.API.STREAM.NAMES", b"", timeout=1)
    for client in (processor, owner):
        await client.close()
    assert await asyncio.to_thread(appliance.stop) == 0
    appliance.lines.clear()
    await asyncio.to_thread(appliance.up, *UP, NATS_USERS="off")
    client = await _bus_of(appliance, token=token)
    await client.close()


async def _bus_of(appliance, **login):
    async def ignore(_):
        """It would be printed otherwise."""

    url = f"nats://127.0.0.1:{appliance.nats_port}"
    return await nats.connect(url, allow_reconnect=False, error_cb=ignore, **login)


def test_users_that_the_config_of_the_bus_does_not_have(appliance):
    """The appliance does not start, so that the bus is not open to all while its owner believes otherwise."""
    (appliance.folder / "conf" / "nats-server.conf").write_text(f"port: {appliance.nats_port}\n", "utf-8")
    appliance.start(*UP, NATS_USERS="on")
    assert appliance.ended() == 1
    assert any(line.startswith("error: NATS_USERS is set, but") for line in appliance.lines)


async def test_configs_of_the_original(appliance):
    """Its ginit config names programs as in its image, its nats-server.conf knows nothing of JetStream."""
    nats = f"host: 0.0.0.0\nport: {appliance.nats_port}\n\nauthorization {{\n    token: $NATS_TOKEN\n}}"
    (appliance.folder / "conf" / "nats-server.conf").write_text(nats)
    text = appliance.config("ginit_config").read_text().replace("${GECHOLOG_HOME}", str(appliance.folder))
    appliance.config("ginit_config").write_text(text)
    await asyncio.to_thread(appliance.up, *UP, NATS_TOKEN="TokenOfTheUser")
    assert appliance.find("Starting JetStream", service="nats-server")
    async with aiohttp.ClientSession() as session:
        status, _ = await call(session, appliance)
    assert status == 200
    await eventually(appliance.records, "the record")


@pytest.mark.parametrize(("environ", "is_open"), [({}, False), ({"GECHOLOG_LISTEN": "0.0.0.0"}, True)])  # noqa: S104 - the case
async def test_who_can_reach_the_gateway_and_the_bus(appliance, environ, is_open):
    """`make up` is for this machine alone, until it is told otherwise."""
    await asyncio.to_thread(appliance.up, *UP, **environ)
    for port in (appliance.gl_port, appliance.nats_port):
        for address in ("127.0.0.1", "127.0.0.2"):
            with socket.socket() as client:
                refused = bool(client.connect_ex((address, port)))
            assert refused is (address == "127.0.0.2" and not is_open)
