"""Requests to a real supervisord."""

import asyncio
import itertools
import os
import shutil
import signal
from pathlib import Path

import pytest

from services.ginit.supervisord.client import ControlFailed, ShuttingDown, Supervisor
from tests.support.waiting import eventually

NUMBERS = itertools.count()


@pytest.fixture
async def slug(client):
    """A service that supervisord knows."""
    name = f"service={next(NUMBERS)}"
    await client.define(name, 100)
    return name


async def ended(client, slug):
    """Wait until supervisord knows that a process has ended."""
    while (await client.all_running())[slug]:  # noqa: ASYNC110 - supervisord is asked, it has no event for us
        await asyncio.sleep(0.01)


async def test_defined_service_does_not_run(client, slug):
    """ginit alone starts it. A second definition only changes its priority."""
    assert (await client.all_running())[slug] == 0
    await client.define(slug, 50)
    assert (await client.all_running())[slug] == 0


async def test_start(client, slug, supervisord):
    """The process becomes what the script says, as the leader of a process group of its own."""
    pid = await client.start(slug, supervisord.script("exec sleep 60"))
    assert (await client.all_running())[slug] == pid
    await eventually(lambda: b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes())
    assert os.getpgid(pid) == pid  # since before it became the script
    await client.stop(slug)
    await ended(client, slug)


async def test_process_that_ends_at_once(client, slug, supervisord):
    """That is no failure of the start: its end is reported like any other."""
    await client.start(slug, supervisord.script("exit 3"))
    await ended(client, slug)
    assert await client.exit_status(slug) == 3


async def test_process_that_is_killed(client, slug, supervisord):
    pid = await client.start(slug, supervisord.script("exec sleep 60"))
    os.kill(pid, signal.SIGKILL)
    await ended(client, slug)
    assert await client.exit_status(slug) == -1


async def test_next_start_takes_the_next_script(client, slug, supervisord):
    for code in (3, 4):
        await client.start(slug, supervisord.script(f"exit {code}"))
        await ended(client, slug)
        assert await client.exit_status(slug) == code


async def test_start_of_a_process_that_runs(client, slug, supervisord):
    """It is refused: a service has one process."""
    await client.start(slug, supervisord.script("exec sleep 60"))
    with pytest.raises(ControlFailed, match="ALREADY_STARTED"):
        await client.start(slug, supervisord.script("exec sleep 60"))
    await client.stop(slug)
    await ended(client, slug)


async def test_stop_asks_first(client, slug, supervisord):
    """And does not wait for the end. A service that does not run may be stopped as well."""
    script = 'trap "echo asked >$F/asked; exit 0" TERM; echo >$F/up; while :; do sleep 0.01; done'
    await client.start(slug, supervisord.script(script))
    await eventually((supervisord.folder / "up").exists)
    await client.stop(slug)
    await ended(client, slug)
    assert (supervisord.folder / "asked").exists()
    await client.stop(slug)


async def test_process_that_is_stopping_still_runs(client, slug, supervisord):
    """A new ginit must not start the service beside it."""
    script = 'trap "" TERM; echo >$F/deaf; while [ ! -e $F/enough ]; do sleep 0.01; done'
    pid = await client.start(slug, supervisord.script(script))
    await eventually((supervisord.folder / "deaf").exists)
    await client.stop(slug)
    assert (await client.all_running())[slug] == pid
    (supervisord.folder / "enough").touch()
    await ended(client, slug)


async def test_time_to_stop(client, slug, supervisord):
    """A process that does not end in that time is killed, with its children."""
    await client.set_stop_wait(slug, 0)
    script = 'trap "" TERM; sleep 60 & echo $! >$F/child; echo >$F/ready; while :; do sleep 0.01; done'
    await client.start(slug, supervisord.script(script))
    await eventually((supervisord.folder / "ready").exists)
    child = int((supervisord.folder / "child").read_text())
    await client.stop(slug)
    await ended(client, slug)
    await eventually(
        lambda: not Path(f"/proc/{child}/cmdline").exists() or not Path(f"/proc/{child}/cmdline").read_bytes()
    )


async def test_hang_up(client, slug, supervisord):
    script = 'trap "echo >$F/hung_up" HUP; echo >$F/listening; while :; do sleep 0.01; done'
    await client.start(slug, supervisord.script(script))
    await eventually((supervisord.folder / "listening").exists)
    await client.hang_up(slug)
    await eventually((supervisord.folder / "hung_up").exists)
    await client.stop(slug)
    await ended(client, slug)
    await client.hang_up(slug)  # no error: its end is about to be reported


async def test_remove(client, slug, supervisord):
    """supervisord does not know the service any more, and its files are gone; a second time is no error."""
    await client.start(slug, supervisord.script("exit 0"))
    await ended(client, slug)
    for _ in range(2):
        await client.remove(slug)
        assert slug not in await client.all_running()
    assert list((supervisord.folder / "services").glob(f"{slug}*")) == []


async def test_service_that_is_not_known(client):
    """The error names the fault."""
    for request in (client.stop("nobody"), client.hang_up("nobody"), client.set_stop_wait("nobody", 3)):
        with pytest.raises(ControlFailed, match="BAD_NAME"):
            await request


async def test_folder_that_was_removed(client, slug, supervisord):
    """The files of supervisord are written again, its own as well: it reads that for each new service."""
    shutil.rmtree(supervisord.folder / "services")
    supervisord.conf.rename(supervisord.folder / "aside")
    await client.start(slug, supervisord.script("exit 5"))
    await ended(client, slug)
    assert await client.exit_status(slug) == 5
    assert supervisord.conf.exists()
    (supervisord.folder / "aside").rename(supervisord.conf)


async def test_requests_at_once(client, slug):
    """There is one connection: they wait for each other."""
    found = await asyncio.gather(*(client.all_running() for _ in range(10)))
    assert all(slug in one for one in found)


async def test_responds(client):
    assert await client.responds()


async def test_something_else_at_the_socket(supervisord):
    """Whatever it says, it is not supervisord; the next request tries anew."""
    path = supervisord.folder / "other.sock"

    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_unix_server(refuse, path)
    client = Supervisor(f"unix://{path}", supervisord.folder / "services")
    assert not await client.responds()
    with pytest.raises(ControlFailed, match="supervisord does not respond"):
        await client.all_running()
    server.close()
    path.unlink()
    os.link(supervisord.socket, path)
    assert await client.responds()
    path.unlink()


async def test_socket_that_is_lost_and_comes_back(own_supervisord):
    """A connection stays open without it, and a request that needs a new one waits for it."""
    client, aside = own_supervisord.client(), own_supervisord.folder / "aside.sock"
    assert await client.responds()
    own_supervisord.socket.rename(aside)
    assert await client.responds()
    asking = asyncio.create_task(own_supervisord.client().responds())
    await asyncio.sleep(0)
    if not own_supervisord.socket.exists():  # else supervisord has been quicker
        aside.rename(own_supervisord.socket)
    assert await asking


async def test_supervisord_that_is_ending(own_supervisord):
    """It takes no more requests, which is no failure of any service."""
    client = own_supervisord.client()
    await client.define("stubborn", 100)
    script = 'trap "" TERM; echo >$F/up; while :; do sleep 0.01; done'
    pid = await client.start("stubborn", own_supervisord.script(script))
    await eventually((own_supervisord.folder / "up").exists)
    own_supervisord.process.send_signal(signal.SIGTERM)
    while await client.responds():  # noqa: ASYNC110 - it reads its signals when it likes
        await asyncio.sleep(0.01)
    with pytest.raises(ShuttingDown):
        await client.all_running()
    os.killpg(pid, signal.SIGKILL)
