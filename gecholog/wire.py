"""One connection that speaks the NATS client protocol.

Optimised for the hot path of a call: sending a message never blocks, and received messages are delivered without an
extra task. Most of the cost of a small message, here and in the server, is the system call that sends it, so messages
are sent in batches. An urgent message is sent in the next iteration of the event loop, together with all others that
are queued by then. A message that is sent `lazily` waits for the next batch, or some milliseconds. A `Wire` connects
once; `gecholog.bus` reconnects.

The protocol: https://docs.nats.io/reference/reference-protocols/nats-protocol
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple, Protocol

from gecholog import __version__, rawjson
from gecholog.credentials import Credentials
from gecholog.errors import BusAway, BusError, BusRefused, LoginRefused, MessageTooLarge
from gecholog.server_address import ServerAddress
from gecholog.server_info import ServerInfo
from gecholog.tls import BusTls, bus_context, failure

_LINE_END = b"\r\n"
_LONGEST_LINE = 1024 * 1024  # bytes; the server's INFO lists its cluster, all other lines are short
_PORT = 4222  # the default port
_LAZY = 0.002  # seconds until lazy messages are written
_LARGEST = 128 * 1024 * 1024  # bytes of a message; nats-server allows 64 MiB (max_payload), headers included
_JOINED = 64 * 1024  # bytes that are written as one block; more are not copied: records wait in the transport
_HIGH_WATER = 64 * 1024 * 1024  # bytes that may wait to be written while the server is slow
_PING_EVERY = 5.0  # seconds
_MOST_UNANSWERED = 2  # pings, after which the server counts as lost
_CLOSED_WITHIN = 2.0  # seconds that a server has to take what is still to be written
_VERSION = "NATS/1.0"
# The errors with which a server rejects credentials before it closes the connection.
_LOGIN_ERRORS = ("authorization violation", "authentication expired", "authentication revoked")
# The lines of messages: subject, subscription, reply subject; then the size, or those of the headers and of all.
_PLAIN = re.compile(rb"MSG (\S+) (\d{1,18}) (?:(\S+) )?(?P<size>\d{1,18})\r\n").match
_WITH_HEADERS = re.compile(rb"HMSG (\S+) (\d{1,18}) (?:(\S+) )?(\d{1,18}) (?P<size>\d{1,18})\r\n").match


class Delivery(NamedTuple):
    """A received message. `headers` is the block of header lines, empty if there is none."""

    sid: int
    subject: str
    reply: str
    headers: bytes
    data: bytes


Deliver = Callable[[Delivery, "Wire"], None]
"""Handles a message, and the connection on which it was received."""


@dataclass(frozen=True, slots=True)
class Login:
    """The credentials of a client. `name` is shown by the server's monitor for the connection."""

    credentials: Credentials
    tls: BusTls | None
    name: str


class Observer(Protocol):
    """Receives what a server sends apart from messages."""

    def complained(self, text: str) -> None:
        """The server has sent an error, but keeps the connection."""

    def informed(self, info: ServerInfo) -> None:
        """Something about the server or its cluster has changed."""


class Parser:
    """Parses the bytes from a server. Buffers incomplete messages. No I/O."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._missing = 0

    def feed(self, data: bytes) -> list[Delivery | bytes]:
        """Parse buffered and new data. Returns messages, and all other lines as bytes. Raises BusError."""
        if self._held:
            self._held.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return []
            data = b"".join(self._held)
            self._held.clear()
        found: list[Delivery | bytes] = []
        at, size = 0, len(data)
        while at < size:
            message = _PLAIN(data, at) or _WITH_HEADERS(data, at)
            if message is None:
                line = _line(data, at)
                if line is None:
                    self._missing = 1
                    break
                found.append(line)
                at += len(line) + 2
                continue
            start = message.end()
            stop = start + int(message["size"])
            if stop - start > _LARGEST:
                raise BusError("the bus announces a message of an impossible size")
            if stop + 2 > size:
                self._missing = stop + 2 - size
                break
            found.append(_delivery(message, data, start, stop))
            at = stop + 2
        if at < size:
            self._held.append(data[at:] if at else data)
        return found


def _line(data: bytes, at: int) -> bytes | None:
    """The line at an offset; None if it is incomplete. Raises BusError if it is too long."""
    end = data.find(_LINE_END, at)
    if end < 0:
        if len(data) - at > _LONGEST_LINE:
            raise BusError("the bus sends a line without end")
        return None
    line = data[at:end]
    if line.startswith((b"MSG ", b"HMSG ")):
        raise BusError("the bus announces a message in an impossible form")
    return line


def _delivery(message: re.Match[bytes], data: bytes, start: int, stop: int) -> Delivery:
    """A message from its line and its content, which is at these offsets of `data`."""
    subject, sid, reply, *sizes = message.groups()
    headers = b""
    if len(sizes) > 1:
        border = min(start + int(sizes[0]), stop)
        headers, start = data[start:border], border
    to = reply.decode("utf-8", "surrogateescape") if reply else ""
    parts = (int(sid), subject.decode("utf-8", "surrogateescape"), to, headers, data[start:stop])
    return tuple.__new__(Delivery, parts)  # a third of what the class's own constructor costs


def encoded(headers: Mapping[str, str]) -> bytes:
    """The block of header lines of a message. Raises ValueError if a name or value has a line break."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise ValueError("a header must not hold a line break")
    return f"{_VERSION}\r\n{lines}\r\n".encode("utf-8", "surrogateescape")


def decoded(block: bytes) -> dict[str, str]:
    """The names and values of a header block. A status of the server is under `Status` and `Description`."""
    first, *lines = block.decode("utf-8", "surrogateescape").split("\r\n")
    headers: dict[str, str] = {}
    status, _, description = first[len(_VERSION) :].strip().partition(" ")
    if status:
        headers["Status"] = status
    if description:
        headers["Description"] = description.strip()
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip()] = value.strip()
    return headers


class Wire(asyncio.Protocol):
    """A connection that is ready for use. `open` creates it; it has ended when `lost` is done."""

    def __init__(self, server: ServerAddress, observer: Observer) -> None:
        loop = asyncio.get_running_loop()
        self.server = server
        self.lost: asyncio.Future[str] = loop.create_future()
        self.draining: asyncio.Future[None] = loop.create_future()  # done once the server is about to shut down
        self.info = ServerInfo()
        self.max_payload = self.info.max_payload
        self._observer = observer
        self.loop = loop
        self._transport: Any = None  # uvloop's transports are no subclasses of asyncio.Transport
        self._parser = Parser()
        self._greeted: asyncio.Future[ServerInfo] = loop.create_future()
        self._pongs: deque[asyncio.Future[None] | None] = deque()  # None: a periodic ping without a waiter
        self._unanswered = 0
        self.drained: asyncio.Future[None] | None = None  # what to wait for while too much waits to be written
        self._deliver: dict[int, Deliver] = {}
        self._sids = count(1)
        self._reason = ""
        self._cause: Exception | None = None  # why the connection was lost
        self._out: list[bytes] = []  # to be written
        self._size = 0  # bytes of the messages among it
        self._leaving = False  # a write is scheduled for the loop's next iteration
        self._timer: asyncio.TimerHandle | None = None
        self._ticking: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, server: ServerAddress, login: Login, observer: Observer, ip: str = "") -> Wire:
        """Connect and log in. `ip` is the address of the server's host, where that has several.

        Raises BusRefused, BusError with what the server says, OSError if there is none.
        """
        loop = asyncio.get_running_loop()
        tls = login.tls or (BusTls() if server.tls else None)
        begins = _Encryption(await _context(tls), _certificate_name(server, tls)) if tls else None
        first = begins if tls is not None and tls.handshake_first else None
        made = loop.create_connection(
            lambda: cls(server, observer),
            ip or server.host,
            server.port,
            ssl=first.context if first else None,
            server_hostname=first.name if first else None,
        )
        try:
            _, connection = await made
        except ssl.SSLError as error:
            raise _untrusted(error, server) from error
        try:
            await connection._log_in(login, begins, is_encrypted=first is not None)  # noqa: SLF001 - one of this class
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _log_in(self, login: Login, tls: _Encryption | None, *, is_encrypted: bool) -> None:
        """Reply to the server's INFO, and wait until it has accepted the login. Raises BusError, OSError."""
        info = await self._greeted
        if not is_encrypted and (tls is not None or info.tls_required):
            is_encrypted = True
            await self._encrypt(
                tls or _Encryption(await _context(BusTls()), _certificate_name(self.server, None)), info
            )
        said = {
            "echo": True,
            "headers": True,
            "lang": "python",
            "name": login.name,
            "no_responders": True,
            "pedantic": False,
            "protocol": 1,
            "tls_required": is_encrypted,
            "verbose": False,
            "version": __version__,
        }
        # in a thread: it may read files
        said |= await asyncio.to_thread(login.credentials.connect_fields, info.nonce)
        if self.lost.done():  # mostly because the server does not accept our certificate
            raise self._error(self.lost.result(), self._cause)
        # Leaves with the ping: if the server closes the connection, a second write would fail and hide its reason.
        self._out.append(b"CONNECT " + rawjson.dumps(said) + _LINE_END)
        await self.ping()
        self._ticking = self.loop.call_later(_PING_EVERY, self._tick)

    async def _encrypt(self, tls: _Encryption, info: ServerInfo) -> None:
        """Switch to TLS. Raises BusRefused, OSError."""
        if not (info.tls_required or info.tls_available):
            raise BusRefused(f"the bus at {self.server} does not offer TLS (service_bus.tls, or tls:// in its address)")
        try:
            transport = await self.loop.start_tls(self._transport, self, tls.context, server_hostname=tls.name)
        except ssl.SSLError as error:
            raise _untrusted(error, self.server) from error
        if transport is None:  # the connection was lost meanwhile
            raise BusAway("the bus closed the connection")
        self.connection_made(transport)

    # -------------------------------------------------------------- sending

    def publish(
        self, subject: str, data: bytes, reply: str = "", headers: bytes = b"", *, lazily: bool = False
    ) -> None:
        """Send a message. Raises BusAway; MessageTooLarge for one over `max_payload` bytes, headers included."""
        if self.lost.done():
            raise BusAway("the connection to the bus was lost")
        size = len(headers) + len(data)
        if size > self.max_payload:  # the server would end the connection
            raise MessageTooLarge(size, self.max_payload)
        target = f"{subject} {reply}" if reply else subject
        if headers:
            line = f"HPUB {target} {len(headers)} {size}\r\n".encode() + headers
        else:
            line = f"PUB {target} {size}\r\n".encode()
        self._out += (line, data, _LINE_END)
        self._size += size
        if lazily:
            if self._timer is None and not self._leaving:
                self._timer = self.loop.call_later(_LAZY, self._flush)
        elif not self._leaving:
            self._leaving = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._leaving = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        out, self._out = self._out, []
        size, self._size = self._size, 0
        if not out or self.lost.done():
            return
        if size > _JOINED:
            self._transport.writelines(out)
        else:
            self._transport.write(b"".join(out))

    def subscribe(self, subject: str, deliver: Deliver, queue: str = "") -> int:
        """Deliver each message on `subject` to `deliver`. Returns the number of the subscription."""
        sid = next(self._sids)
        self._deliver[sid] = deliver
        self._send(f"SUB {subject} {queue} {sid}\r\n" if queue else f"SUB {subject} {sid}\r\n")
        return sid

    async def unsubscribe(self, sid: int) -> None:
        """End a subscription. Messages in flight are delivered before this returns, none afterwards."""
        self._send(f"UNSUB {sid}\r\n")
        try:
            await self.ping()
        except BusAway:
            pass  # there are no more messages
        finally:
            self._deliver.pop(sid, None)

    def _send(self, line: str) -> None:
        """Send a line at once, after all queued messages."""
        self._out.append(line.encode())
        self._flush()

    async def ping(self) -> None:
        """Wait until the server has processed everything that was sent before. Raises BusError."""
        if self.lost.done():
            raise BusAway(self.lost.result())
        pong: asyncio.Future[None] = self.loop.create_future()
        self._pongs.append(pong)
        self._send("PING\r\n")
        await pong

    def _tick(self) -> None:
        if self._unanswered >= _MOST_UNANSWERED:
            self._reason = "the bus does not answer"
            self.abort()
            return
        self._unanswered += 1
        self._pongs.append(None)
        self._send("PING\r\n")
        self._ticking = self.loop.call_later(_PING_EVERY, self._tick)

    # -------------------------------------------------------------- receiving

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        try:
            for found in self._parser.feed(data):
                if isinstance(found, Delivery):
                    deliver = self._deliver.get(found.sid)
                    if deliver is not None:
                        deliver(found, self)
                else:
                    self._hear(found)
        except (BusError, ValueError, IndexError) as error:
            self._reason = f"what the bus sends is not understood: {error}"
            self.abort()

    def _hear(self, line: bytes) -> None:
        """Handle a line that is not a message."""
        if line == b"PING":
            self._send("PONG\r\n")
        elif line == b"PONG":
            self._unanswered = 0
            if self._pongs:
                _resolve(self._pongs.popleft())
        elif line.startswith(b"INFO "):
            self._informed(line[5:])
        elif line.startswith(b"-ERR"):
            self._refused(line[4:].decode("utf-8", "replace").strip(" '"))

    def _informed(self, data: bytes) -> None:
        """Handle the INFO of the server, the first one or an update. Raises BusError."""
        self.info = info = ServerInfo.parse(data)
        self.max_payload = info.max_payload
        if info.lame_duck and not self.draining.done():
            self.draining.set_result(None)
        if self._greeted.done():
            self._observer.informed(info)
        else:
            self._greeted.set_result(info)

    def _refused(self, text: str) -> None:
        """Handle an error of the server. After most errors it closes the connection, but not for a denied subject."""
        if text.lower().startswith("permissions violation"):
            self._observer.complained(text)
        else:
            self._reason = text

    def pause_writing(self) -> None:
        self.drained = self.loop.create_future()

    def resume_writing(self) -> None:
        drained, self.drained = self.drained, None
        _resolve(drained)

    # ----------------------------------------------------------------- ending

    def connection_lost(self, exc: Exception | None) -> None:
        reason = self._reason or (str(exc) if exc else "") or "the bus closed the connection"
        self._cause = exc
        if not self.lost.done():
            self.lost.set_result(reason)
        for timer in (self._ticking, self._timer):
            if timer is not None:
                timer.cancel()
        self._out.clear()
        self._deliver.clear()
        error = self._error(reason, exc)
        for waiting in (self._greeted, *self._pongs):
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)
                waiting.exception()  # marks it as retrieved: there may be no waiter any more
        self._pongs.clear()
        self.resume_writing()

    def _error(self, reason: str, exc: Exception | None) -> BusError:
        """The error for pending requests when the connection is lost."""
        if any(words in reason.lower() for words in _LOGIN_ERRORS):
            return LoginRefused(reason)
        return _untrusted(exc, self.server) if isinstance(exc, ssl.SSLError) else BusAway(reason)

    async def close(self) -> None:
        """Send queued messages, and close the connection. Does not wait for a server that does not read."""
        if self.lost.done():
            return
        self._flush()
        self._transport.close()
        try:
            async with asyncio.timeout(_CLOSED_WITHIN):
                await asyncio.shield(self.lost)
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()


@dataclass(frozen=True, slots=True)
class _Encryption:
    """The parameters of TLS. `name` is the name that the server's certificate must have."""

    context: ssl.SSLContext
    name: str


async def _context(tls: BusTls) -> ssl.SSLContext:
    """Create the TLS context in a thread, because it reads files. It does so for each connection: files may change."""
    try:
        return await asyncio.to_thread(bus_context, tls)
    except OSError as error:
        raise BusRefused(f"the files of service_bus.tls cannot be used: {failure(error)}") from error


def _certificate_name(server: ServerAddress, tls: BusTls | None) -> str:
    return (tls.server_name if tls else "") or server.certificate_name or server.host


def _untrusted(error: ssl.SSLError, server: ServerAddress) -> BusRefused:
    """The error for a failed TLS handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return BusRefused(f"the certificate of the bus at {server} is not trusted: {failure(error)} (service_bus.tls)")
    reason = failure(error)
    if "alert" in reason and ("certificate" in reason or "unknown ca" in reason):
        return BusRefused(f"the bus at {server} does not accept the client certificate (service_bus.tls): {reason}")
    return BusRefused(f"no TLS with the bus at {server}: {reason}")


def _resolve(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
