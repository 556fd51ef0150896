"""Tries a router of a draft: starts the gateway on a free port of this machine, sends one call, and shows the response.

The gateway has a home folder and a bus of its own: the call is in no record log, counts for no quota and reaches
no processor. The checks of client keys and headers are off for the router that is tried.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from gecholog.errors import GechologError
from gecholog.secret_store import SecretStore
from services.gui.drafts import json_edit
from services.gui.drafts.config_desk import ConfigDesk, write_new
from services.gui.drafts.json_document import Document

_START_S = 30.0
_CALL_S = 120.0
_LARGEST = 256 * 1024  # bytes of a response that are shown
_POLL_S = 0.05
_LOG_LINES = 5
_HOST = "127.0.0.1"


class TrialFailed(GechologError):
    """The gateway did not start with the draft, or did not answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent: `router` is the path of the router, `rest` what follows it."""

    router: str
    method: str
    rest: str
    body: str = ""
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The response. `is_cut`: the body is longer than what is shown."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: str
    duration_ms: float
    is_cut: bool = False


def scratch_config(document: Document, router: str, port: int, bus: tuple[int, str]) -> Document:
    """The draft with another port and another bus, and without the checks of the router. Raises LookupError."""
    for index, entry in enumerate(document.value().get("routers", ())):
        if isinstance(entry, dict) and entry.get("path") == router:
            for name in ("headers", "keys"):
                document = _without(document, f"/routers/{index}/ingress/{name}")
            break
    else:
        raise LookupError(f"the draft has no router {router}")
    return apart(document, port, bus)


def apart(document: Document, port: int, bus: tuple[int, str]) -> Document:
    """The draft with another port and another bus, so that the gateway touches nothing of the one that serves."""
    bus_port, token = bus
    topics = {name: f"trial.{name}" for name in ("topic", "topic_exact_isalive", "topic_exact_logger")}
    section = {"hostname": f"{_HOST}:{bus_port}", "token": token, **topics}
    for pointer, new in (("/gl_port", port), ("/gl_host", _HOST), ("/service_bus", section)):
        document = json_edit.set_value(document, pointer, new)
    if document.find("/tls/ingress/enabled") is not None:
        document = json_edit.set_value(document, "/tls/ingress/enabled", value=False)
    return _without(_without(document, "/workers"), "/admin_port")


def _without(document: Document, pointer: str) -> Document:
    return json_edit.remove(document, pointer) if document.find(pointer) is not None else document


async def run(desk: ConfigDesk, data: bytes, call: Call) -> Outcome:
    """Send a call through a gateway with this config. Raises TrialFailed, NotJson, LookupError, OSError."""

    def scratch(draft: Document, port: int, bus: tuple[int, str]) -> Document:
        return scratch_config(draft, call.router, port, bus)

    async with scratch_gateway(desk, data, scratch) as gateway:
        return await send(call, gateway.port)


@dataclass(frozen=True, slots=True)
class ScratchGateway:
    """A gateway that runs. `log` is the file that it writes its log to."""

    port: int
    log: Path


@contextlib.asynccontextmanager
async def scratch_gateway(
    desk: ConfigDesk, data: bytes, config_of: Callable[[Document, int, tuple[int, str]], Document]
) -> AsyncIterator[ScratchGateway]:
    """A gateway with a draft, for as long as the block runs. Raises TrialFailed, NotJson, OSError.

    `config_of` takes the draft, the gateway's port, and the port and the token of its bus, and returns the config.
    """
    parent = desk.home / "run" / "gui"
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="trial-", dir=parent))
    try:
        port, bus_port, token = _free_port(), _free_port(), secrets.token_hex(16)
        config = config_of(Document.of(data.decode("utf-8-sig", "replace")), port, (bus_port, token))
        file, bus_file = folder / "gl_config.json", folder / "nats-server.conf"
        write_new(file, config.text.encode("utf-8", "surrogatepass"))
        write_new(bus_file, f'host: "{_HOST}"\nport: {bus_port}\nauthorization {{ token: "{token}" }}\n'.encode())
        _lend_secrets(desk.secrets, folder)
        environ = desk.environment() | {"GECHOLOG_HOME": str(folder)}
        gateway = (sys.executable, "-P", "-m", "services.gl", "-o", str(file), "-a", "trial")
        log = folder / "gl.log"
        async with (
            _program((_nats_server(environ), "-c", str(bus_file)), environ, folder / "bus.log", bus_port),
            _program(gateway, environ, log, port),
        ):
            yield ScratchGateway(port, log)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _lend_secrets(store: SecretStore, folder: Path) -> None:
    """Let the gateway in this home folder use the secret store of ours."""
    there = SecretStore(folder, {})
    for own, link in ((store.file, there.file), (store.keys.file, there.keys.file)):
        link.parent.mkdir(mode=0o700, exist_ok=True)
        link.symlink_to(own.absolute())


@contextlib.asynccontextmanager
async def _program(words: tuple[str, ...], environ: Mapping[str, str], log: Path, port: int) -> AsyncIterator[None]:
    """A program that runs while the block does, and accepts connections on a port when the block begins."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=environ, start_new_session=True
        )
    try:
        await _accepting(process, port, log)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _accepting(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    try:
        async with asyncio.timeout(_START_S):
            while process.returncode is None:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(_HOST, port)
                    writer.close()
                    return
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise TrialFailed(f"the gateway did not start in {_START_S:g} seconds; {_said(log)}") from None
    raise TrialFailed(f"the gateway did not start; {_said(log)}")


def _said(log: Path) -> str:
    """What a program has complained about, without details that only its log needs."""
    found = []
    for line in log.read_text("utf-8", "replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("level") == "ERROR":
            about = entry.get("rule") or entry.get("reason") or ""
            found.append(" ".join(filter(None, (str(entry.get("msg", "")), str(entry.get("path", "")), str(about)))))
    return "; ".join(found[-_LOG_LINES:]) or "it said nothing about the reason"


async def send(call: Call, port: int) -> Outcome:
    """Send a call to a gateway of this machine. Raises TrialFailed."""
    url = f"http://{_HOST}:{port}{call.router}{call.rest.lstrip('/')}"
    timeout = aiohttp.ClientTimeout(total=_CALL_S)
    clock = asyncio.get_running_loop().time
    begin = clock()
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=True, trust_env=False) as session,
            session.request(
                call.method, url, data=call.body.encode() or None, headers=call.headers, allow_redirects=False
            ) as response,
        ):
            body = await _limited(response)
            return Outcome(
                status=response.status,
                reason=response.reason or "",
                headers=tuple((name, value) for name, value in response.headers.items()),
                body=body[:_LARGEST].decode("utf-8", "replace"),
                duration_ms=(clock() - begin) * 1000,
                is_cut=len(body) > _LARGEST,
            )
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise TrialFailed(f"no answer: {str(error) or type(error).__name__}") from error


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_chunked(64 * 1024):
        parts.append(part)
        size += len(part)
        if size > _LARGEST:
            break
    return b"".join(parts)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((_HOST, 0))
        return int(one.getsockname()[1])


def _nats_server(environ: Mapping[str, str]) -> str:
    """The server of the appliance: the variable NATS_SERVER, or the program beside Python, or the one on the path."""
    beside = Path(sys.executable).with_name("nats-server")
    return environ.get("NATS_SERVER") or (str(beside) if beside.exists() else "nats-server")
