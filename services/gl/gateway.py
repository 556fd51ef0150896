"""The gateway as a service: it takes requests, finds their router, and sends them through the pipeline.

Everything that a config decides hangs on one reference (`_Standing`). A reload builds a new one and swaps it; calls in
flight finish on the old one.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from gecholog import headers, health
from gecholog.bus import Bus
from gecholog.errors import GechologError
from gecholog.logs import Log
from gecholog.recordstatus import RecordStatusFile
from gecholog.service import connect_bus, replacing_bus
from gecholog.session import Sessions
from services.gl import cors, memory, pipeline, routing
from services.gl.answers import JSON
from services.gl.call import Call
from services.gl.certificate import Certificate
from services.gl.doors import Doors
from services.gl.errors import ErrorDetail, Refusal, format_for, reply_to
from services.gl.http import Disconnected
from services.gl.record.delivery.recorder import Recorder
from services.gl.record.fitting import fitted
from services.gl.server import descriptors
from services.gl.server.listener import Listener, bind
from services.gl.status import Status
from services.gl.unrecorded import EVERY_S, Line, Unrecorded
from services.gl.upstream import Pool, proxy

if TYPE_CHECKING:
    import socket
    from collections.abc import Coroutine

    from gecholog.task_owner import TaskOwner
    from services.gl.config import Config
    from services.gl.errors import ErrorReply
    from services.gl.routing import Router
    from services.gl.server import Exchange

log = Log("gateway")

_LAST_RECORDS = 1.0  # seconds at the end for records that wait for the bus's word
_NO_CONTENT = HTTPStatus.NO_CONTENT.value
_LONGEST_PATH = 200  # characters of a path in an error
_NEARLY = 0.9  # of the connections that a config allows: a few less are no reason for a warning
_GRACE = 2.0  # seconds for callers with an idle connection to an old port
_HEALTH = "/healthz"
_JSON: headers.Headers = {"Content-Type": [JSON]}


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is in force."""

    config: Config
    doors: Doors
    sessions: Sessions
    pool: Pool


class Gateway:
    """The service gl."""

    def __init__(self, config: Config, alias: str) -> None:
        self._alias = alias
        self._first = config
        self._status = Status()
        home = health.home()
        self._records = Recorder(
            home / "journal" / alias,
            config.journal_max_bytes,
            fitted,
            RecordStatusFile.of(alias, home),
            self._status.failed,
        )
        self._owner: TaskOwner | None = None
        self._standing: _Standing | None = None
        self._listener: Listener | None = None  # the one that takes callers
        self._listeners: set[Listener] = set()  # and those that still have calls
        self._socket: socket.socket | None = None
        self._certificate: Certificate | None = None
        self._watching: asyncio.Task[None] | None = None
        self._retired: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._open_files: int | None = None
        self._unrecorded = Unrecorded()
        self._telling: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------- start, stop

    async def start(self, owner: TaskOwner) -> None:
        """Take the port, find the bus, then serve."""
        self._owner = owner
        memory.give_back_large_blocks()
        self._open_files = descriptors.raise_limit()
        config = self._first
        pool = _pool(config)
        _ = config.ingress_tls  # what cannot be used is said at once, not when the bus is there
        self._socket = bind(config.listener.host, config.listener.port)
        bus = await self._bus(config)
        await connect_bus(owner, bus)
        await self._records.publish_to(bus, config.topics.logger, config.record_log)
        owner.spawn(self._records.run(), "records")
        doors = Doors(bus, pool, self._records, self._status, self._saw_unrecorded)
        self._standing = _Standing(config, doors, Sessions(config.gateway_id), pool)
        self._listener = self._listen(config, self._socket)
        self._watch_certificate(config)

    async def reload(self, config: Config) -> None:
        """Put a new config in force. What cannot be swapped is opened anew before the old one goes.

        Everything that may fail comes first; after that nothing does.
        """
        old = self._required()
        pool = old.pool if config.outbound_tls_digest == old.config.outbound_tls_digest else _pool(config)
        listening = self._bound(config, old)
        moves = (config.bus, config.topics) != (old.config.bus, old.config.topics)
        bus = await self._bus(config) if moves else None
        listener = None
        try:
            if listening is None and self._certificate is not None:
                self._certificate.renew()
            async with replacing_bus(self._required_owner(), bus):
                if listening is not None:  # last of all: from now on it takes calls
                    listener = self._listen(config, listening)
        except BaseException:
            if listening is not None and listening is not self._socket:
                listening.close()
            raise
        await self._swap(config, old, bus or old.doors.bus, pool)
        self._move(listener, listening, config)

    def _bound(self, config: Config, old: _Standing) -> socket.socket | None:
        """The socket for another listener, if the config asks for one: a new port, or another certificate.

        Raises GechologError: the port is taken, or the certificate cannot be used.
        """
        now, before = config.listener, old.config.listener
        if now == before:
            return None
        _ = config.ingress_tls
        same_address = (now.host, now.port) == (before.host, before.port)
        return self._socket if same_address else bind(now.host, now.port)

    async def _swap(self, config: Config, old: _Standing, bus: Bus, pool: Pool) -> None:
        if bus is not old.doors.bus or config.record_log != old.config.record_log:
            await self._records.publish_to(bus, config.topics.logger, config.record_log)
        self._records.resize(config.journal_max_bytes)
        same_name = config.gateway_id == old.config.gateway_id
        sessions = old.sessions if same_name else Sessions(config.gateway_id)
        self._standing = _Standing(
            config, Doors(bus, pool, self._records, self._status, self._saw_unrecorded), sessions, pool
        )
        if pool is not old.pool:
            old.pool.retire()
        if bus is not old.doors.bus:
            self._later(self._leave(old.doors.bus, self._calls()), "old bus")

    def _move(self, listener: Listener | None, listening: socket.socket | None, config: Config) -> None:
        """From the old listener to the new one, if there is one."""
        old = self._listener
        if listener is None:
            if old is not None:
                old.limit(config.limits)
                _warn_of_open_files(old)
            return
        self._listener = listener
        if self._socket is not None and self._socket is not listening:
            self._socket.close()
        self._socket = listening
        self._watch_certificate(config)
        if old is not None:
            old.retire(_GRACE)
            self._later(self._finish(old), "old listener")

    def _watch_certificate(self, config: Config) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._certificate = self._watching = None
        if config.listener.tls_files and config.ingress_tls:
            self._certificate = Certificate(config.listener.tls_files, config.ingress_tls)
            self._watching = self._required_owner().spawn(self._certificate.watch(), "certificate")

    async def stop(self) -> None:
        """Accept nothing new, finish what is under way, leave the bus."""
        self._stopping = True
        if self._telling is not None:
            self._telling.cancel()
            self._tell()
        if self._socket is not None:
            self._socket.close()
        standing = self._standing
        for listener in self._listeners:
            listener.retire()
        seconds = standing.config.shutdown_time if standing else 0
        await asyncio.gather(*[listener.finished(seconds) for listener in self._listeners])
        await self._records.stop(_LAST_RECORDS)
        if standing is not None:
            standing.pool.retire()
            await standing.doors.bus.close()

    # --------------------------------------------------------------- requests

    def handle(self, exchange: Exchange) -> Coroutine[None, None, None]:
        """Find the router of a request; what is returned takes the call through the pipeline."""
        standing = self._required()
        if exchange.path == _HEALTH and (answer := self._health(exchange, standing.config.routers)) is not None:
            return answer
        try:
            router = route(standing.config.routers, exchange.path)
        except Refusal as refusal:
            told = reply_to(refusal, format_for(standing.config.errors, exchange.path, exchange.headers))
            self._saw_unrecorded(exchange.path, told.status)
            return _reply(exchange, told.status, _JSON | told.headers, told.body)
        if router.cors is not None and cors.is_preflight(exchange.method, exchange.headers):
            return _reply(exchange, _NO_CONTENT, cors.preflight(router.cors, exchange.headers))
        ids = standing.sessions.ids(headers.first(exchange.headers, standing.config.session_header))
        return pipeline.run(Call(standing.config, exchange, exchange, router, ids), standing.doors)

    def told(self, refusal: Refusal, path: str, came: headers.Headers) -> ErrorReply:
        """The response to a request that cannot be read, in the format of the config in force.

        `path` and `came`, its headers, are what has come of them.
        """
        config = self._required().config
        router = config.routers.match(path)
        chosen = (router and router.errors) or config.errors
        return reply_to(refusal, format_for(chosen, path, came))

    def _health(self, exchange: Exchange, routers: routing.Table) -> Coroutine[None, None, None] | None:
        """The answer to a health check over HTTP; None if it is none, or a router has its path."""
        if exchange.method not in ("GET", "HEAD") or routers.get(_HEALTH + "/") is not None:
            return None
        if self._stopping:
            return _reply(exchange, 503, _JSON, b'{"status":"stopping"}')
        return _reply(exchange, 200, _JSON, b'{"status":"ok"}')

    def _saw_unrecorded(self, path: str, status: int) -> None:
        """Log a request that is refused and leaves no record, and those that follow it by their number."""
        line = self._unrecorded.saw(path, status)
        if line is not None:
            _log_unrecorded(line)
        if self._telling is None and not self._stopping:
            self._telling = asyncio.get_running_loop().call_later(EVERY_S, self._tell)

    def _tell(self) -> None:
        self._telling = None
        for line in self._unrecorded.flush():
            _log_unrecorded(line)
        if not (self._unrecorded.is_empty or self._stopping):
            self._telling = asyncio.get_running_loop().call_later(EVERY_S, self._tell)

    # ------------------------------------------------------------------ parts

    def _required_owner(self) -> TaskOwner:
        if self._owner is None:
            raise GechologError("not started")
        return self._owner

    def _required(self) -> _Standing:
        if self._standing is None:
            raise GechologError("not started")
        return self._standing

    def _listen(self, config: Config, listening: socket.socket) -> Listener:
        listener = Listener(self.handle, config.limits, self._open_files, self.told)
        listener.open(listening, config.ingress_tls)
        _warn_of_open_files(listener)
        self._listeners.add(listener)
        return listener

    async def _bus(self, config: Config) -> Bus:
        bus = Bus(config.bus, self._alias, log)
        await bus.subscribe(config.topics.isalive, self._status.answer)

        async def announce(connected: Bus) -> None:
            for text in ("connected", "listening"):
                await connected.publish(config.topics.own, f"{self._alias} {text}".encode())

        bus.on_connect(announce)
        return bus

    def _calls(self) -> set[asyncio.Task[None]]:
        """All calls that are under way."""
        return set().union(*[listener.calls for listener in self._listeners])

    async def _leave(self, bus: Bus, calls: set[asyncio.Task[None]]) -> None:
        """Close a bus that was left, when the last of the calls has ended that ask their processors there."""
        if calls:
            await asyncio.wait(calls)
        await asyncio.sleep(_LAST_RECORDS)
        await bus.close()

    async def _finish(self, listener: Listener) -> None:
        await listener.finished(None, idle=True)
        self._listeners.discard(listener)

    def _later(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)


def _pool(config: Config) -> Pool:
    """Connections to targets. Raises GechologError if certificates or the proxy's address cannot be used."""
    try:
        proxies = proxy.from_environment(os.environ)
    except ValueError as error:
        raise GechologError(str(error)) from None
    return Pool(config.outbound_context, proxies)


def route(table: routing.Table, path: str) -> Router:
    """The router that takes a path. Raises Refusal: 400 for a path that is not clean, 404 if there is none."""
    if routing.has_dot_segment(path):
        raise Refusal(400, "path with . or .. segments")
    if table.lacks_slash(path):  # whatever else would take it: the router's own answer must not depend on that
        raise Refusal(400, "path without its last slash")
    router = table.match(path)
    if router is None:
        raise Refusal(404, "no router for this path", detail=_why_no_router(table, path))
    return router


def _why_no_router(table: routing.Table, path: str) -> ErrorDetail:
    if (found := table.left_out(path)) is not None:
        configured, reason = found
        return ErrorDetail(503, f"router {configured} is configured but left out: {reason}", "router_left_out")
    shown = path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}…"
    return ErrorDetail(404, f"no router for {shown}: a path begins with the path of a configured router", "no_router")


async def _reply(exchange: Exchange, status: int, fields: headers.Headers, body: bytes = b"") -> None:
    """Answer without a call, and so without a record."""
    try:
        exchange.start(status, fields, len(body))
        if (waiting := exchange.write(body)) is not None:
            await waiting
        exchange.finish()
    except Disconnected:
        exchange.abort()


def _log_unrecorded(line: Line) -> None:
    log.warning("requests refused without a record", path=line.path, status=line.status, requests=line.requests)


def _warn_of_open_files(listener: Listener) -> None:
    """Say so if the process may not open as many files as the config's connections need."""
    wanted, most = listener.limits.connections, listener.most_connections
    if wanted * _NEARLY > most > 0:
        log.warning("limits.connections is lowered by the limit of open files", connections=wanted, in_force=most)
