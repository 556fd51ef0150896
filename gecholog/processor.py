"""Processors: programs on the bus that are sent fields of a call, and answer with fields to write.

    from gecholog.processor import Processor, Request

    processor = Processor("charactercount")

    @processor.request
    async def count(request: Request) -> dict[str, int]:
        return {"character_count": len(request.text)}

    if __name__ == "__main__":
        processor.run()

The program listens on the subject `coburn.gl.charactercount` of the bus that GECHOLOG_HOST and NATS_TOKEN name. gl
calls it once gl_config.json has an entry with that `service_bus_topic`, and takes from its answer the fields in
`output_fields_write`. `gecholog.testing.ask` tests the function without a bus.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import inspect
import os
import re
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NoReturn, TypeVar

import uvloop

from gecholog import __version__, logs, rawjson
from gecholog.attachment import NOTHING, QUEUE, Answer, Attachment, attach, described
from gecholog.bus import Bus, BusAddress
from gecholog.errors import BusError, BusRefused, GechologError, InvalidResult, LoginRefused
from gecholog.logs import Log
from gecholog.message import Headers, Message, Request, Response
from gecholog.presence import Presence, is_name, is_present, is_version
from gecholog.rawjson import Raw

__all__ = [
    "NOTHING",
    "QUEUE",
    "Answer",
    "Attachment",
    "Headers",
    "Message",
    "Processor",
    "Raw",
    "Request",
    "Response",
    "Written",
    "attach",
]

Written = Mapping[str, Any] | None
"""The result of a processor's function: a dict of fields to write, with JSON values; None or {} for none. A value that
is JSON already is passed as `Raw`.
"""

OnRequest = TypeVar("OnRequest", bound=Callable[[Request], Awaitable[Written] | Written])
OnResponse = TypeVar("OnResponse", bound=Callable[[Response], Awaitable[Written] | Written])
OnMessage = TypeVar("OnMessage", bound=Callable[[Message], Awaitable[Written] | Written])
Function = Callable[[Any], Any]

log = Log("processor")

_SUBJECT = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")  # what gl takes for a topic (common.schema.json)
_QUEUE = re.compile(r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)?")
_INBOXES = "_INBOX_processor"  # the only ones that conf/nats-server.conf allows the user `processor`
_DECORATORS = "@processor.request, @processor.response or @processor.message"
_FINISHED_WITHIN = 5.0  # seconds to finish the messages in progress at the end
_HEALTHY_WITHIN = 2.0  # seconds for the bus, and again for the processor, to answer a health check


class Processor:
    """A processor: up to one function for requests, and one for responses.

    A function takes a Request or a Response and returns the fields to write. A coroutine function runs in the event
    loop and must not block it; a plain function runs in a thread and may block or compute. Up to `concurrency` messages
    are processed at a time, so shared state needs care: a lock in threads, and in coroutines no `await` between reading
    and changing it.

    If a function raises, or returns something other than a dict that can be written as JSON, nothing is written for
    that message. The log names the type and the place of the error, never the content of the message. An answer that is
    too large for the bus writes nothing either.
    """

    def __init__(  # noqa: PLR0913 - all but the name have a default that nearly everybody keeps
        self,
        name: str,
        *,
        subject: str = "",
        queue: str = QUEUE,
        concurrency: int = 64,
        version: str = "",
        description: str = "",
    ) -> None:
        """`name` is the processor's name in logs and in `nats micro ls`: letters, digits, `-` and `_`.

        `subject` is the `service_bus_topic` of its entry (default: `coburn.gl.NAME`; topics must not contain `-`, so a
        name with a `-` needs a subject). `queue` is the queue group: its members share the messages, and with an empty
        name every member gets all of them. `concurrency` limits the messages that are processed at a time. `version` is
        its semantic version (default: that of gecholog), and `description` a sentence for `--help` and
        `nats micro info`.

        Raises ValueError for an invalid name, subject, version or concurrency.
        """
        self.name = name
        self.subject = subject or f"coburn.gl.{name}"
        self.queue = queue
        self.concurrency = concurrency
        self.version = version or __version__
        self.description = description
        self._functions: dict[type[Message], Function] = {}
        self._threads: ThreadPoolExecutor | None = None
        if problem := self._problem():
            raise ValueError(problem)

    def _problem(self) -> str:
        if not is_name(self.name):
            return "the name of a processor has letters, digits, - and _ only"
        if not _SUBJECT.fullmatch(self.subject):
            return "the subject must have letters, digits and _ only, in parts divided by single dots"
        if not _QUEUE.fullmatch(self.queue):
            return "the queue group must have letters, digits, - and _ only, in parts divided by single dots"
        if not is_version(self.version):
            return "the version must be a semantic version, as 1.0.0"
        if self.concurrency < 1:
            return "at least one message has to be worked on at a time"
        return ""

    # ------------------------------------------------------------ functions

    def request(self, function: OnRequest) -> OnRequest:
        """Decorate the function for requests: `(Request) -> dict | None`, plain or a coroutine function.

        Without one, requests get an empty answer. Raises ValueError if there is one already.

            @processor.request
            def mark(request: Request) -> dict[str, str]:
                return {"team": request.ingress_headers.get("X-Team", ["unknown"])[0]}
        """
        self._add(Request, function)
        return function

    def response(self, function: OnResponse) -> OnResponse:
        """Decorate the function for responses: `(Response) -> dict | None`, plain or a coroutine function.

        Without one, responses get an empty answer. Raises ValueError if there is one already.

            @processor.response
            def judge(response: Response) -> dict[str, bool]:
                return {"failed": response.inbound_status_code >= 400}
        """
        self._add(Response, function)
        return function

    def message(self, function: OnMessage) -> OnMessage:
        """Decorate one function for both: `(Message) -> dict | None`; `isinstance` tells a Request from a Response.

        Raises ValueError if there already is a function for requests or for responses.

            @processor.message
            def names(message: Message) -> dict[str, list[str]]:
                return {"fields": sorted(message)}
        """
        self._add(Request, function)
        self._add(Response, function)
        return function

    def _add(self, side: type[Message], function: Function) -> None:
        if side in self._functions:
            raise ValueError(f"{self.name} has a function for each {side.__name__} already")
        self._functions[side] = function

    # ------------------------------------------------------------- messages

    async def work(self, data: bytes) -> bytes:
        """Process the bytes of a message, and return the bytes of the answer, b"" for none.

        Raises NotJson if the message is not a JSON object, InvalidResult (a TypeError) if the function returned
        something other than a dict that can be written as JSON, and whatever the function raises.
        """
        message = Message.of(data)
        function = self._functions.get(type(message))
        return _as_json(await self._called(function, message)) if function else NOTHING

    async def answer(self, data: bytes) -> bytes:
        """As `work`, but errors are logged instead of raised, and the answer is empty then.

        This is the whole protocol between gl and a processor, without the bus:

            assert await processor.answer(b'{"ingress_payload": [1]}') == b'{"character_count":3}'
        """
        try:
            return await self.work(data)
        except Exception as error:  # noqa: BLE001 - a border: a processor's fault must not stop the next message
            log.error("message not processed", **described(error))
            return NOTHING

    async def _called(self, function: Function, message: Message) -> Any:
        if inspect.iscoroutinefunction(function):
            return await function(message)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.concurrency, thread_name_prefix=self.name)
        call = partial(contextvars.copy_context().run, _without_stop_iteration, function, message)
        result = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        return await result if inspect.isawaitable(result) else result

    # -------------------------------------------------------------- program

    def run(self, argv: Sequence[str] | None = None) -> NoReturn:
        """Run as a program: answer messages until SIGINT or SIGTERM, and exit the process with SystemExit.

        Environment: GECHOLOG_HOST, the bus as `host` or `host:port` (default `localhost:4222`; several servers with
        commas between), and the credentials: NATS_TOKEN, or NATS_USER and NATS_PASSWORD, or one of the others that
        `BusAddress.of_environment` names.
        Options (`argv`, default: those of the process): `--version`; `--healthcheck` asks the bus whether this
        processor runs on this host.

        It waits while the bus is away, at the start and later. After a signal it takes no new messages, and answers
        those that have arrived, for up to 5 seconds. The exit code is 0 for success, 1 if the bus cannot be used (for
        example because it refuses the credentials) or if the health check fails, and 2 if the command line or the
        environment is invalid, or if there is no function.
        """
        arguments = self._arguments(argv)
        try:
            address = BusAddress.of_environment(os.environ)
        except ValueError as error:
            sys.stderr.write(f"{self.name}: {error}\n")
            sys.exit(2)
        if arguments.healthcheck:
            sys.exit(self._check_health(address))
        if not self._functions:
            sys.stderr.write(f"{self.name}: no function to run: decorate one with {_DECORATORS}\n")
            sys.exit(2)
        sys.exit(self._serve(address))

    def _arguments(self, argv: Sequence[str] | None) -> argparse.Namespace:
        parser = argparse.ArgumentParser(
            prog=self.name, description=self.description or f"{self.name}, a processor", allow_abbrev=False
        )
        parser.add_argument("--version", action="version", version=self.version)
        parser.add_argument(
            "--healthcheck", action="store_true", help="exit with 0 if it runs on this host, else with 1"
        )
        return parser.parse_args(argv)

    def _check_health(self, address: BusAddress) -> int:
        logs.setup(self.name, "ERROR")
        logs.protect(address.credentials.secrets)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            problem = runner.run(_ill(self.name, address))
        if problem:
            sys.stderr.write(f"{self.name}: {problem}\n")
        return 1 if problem else 0

    def _serve(self, address: BusAddress) -> int:
        logs.setup(self.name)
        logs.protect(address.credentials.secrets)
        log.info("starting", version=self.version, gecholog=__version__)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            code, unfinished = runner.run(_RunningProcessor(self, address).live())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a signal that arrives now must not change the exit code
        logs.finish()
        if unfinished:
            os._exit(code)  # the interpreter would wait for threads that do not end
        return code


def _as_json(written: Any) -> bytes:
    """Encode what a function returned. Raises InvalidResult."""
    if written is None:
        return NOTHING
    if not isinstance(written, dict):
        raise InvalidResult(f"the function must return a dict or None, not {type(written).__name__}")
    try:
        return rawjson.dumps(written) if written else NOTHING
    except (TypeError, ValueError) as error:
        raise InvalidResult("the function must return what can be written as JSON, with texts as names") from error


def _without_stop_iteration(function: Function, message: Message) -> Any:
    """Call the function; StopIteration becomes RuntimeError: before Python 3.12 the event loop would hang."""
    try:
        return function(message)
    except StopIteration as error:
        raise RuntimeError("the function raised StopIteration") from error


class _RunningProcessor:
    """One run of a processor as a program."""

    def __init__(self, processor: Processor, address: BusAddress) -> None:
        self._processor = processor
        self._address = address
        self._bus = Bus(address, processor.name, log, _INBOXES)
        self._ending = asyncio.Event()

    async def live(self) -> tuple[int, int]:
        """Run until the end; returns the exit code, and the number of messages without an answer."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ending.set)
        processor = self._processor
        attachment = await attach(
            self._bus, processor.subject, processor.work, queue=processor.queue, concurrency=processor.concurrency
        )
        presence = Presence(processor.name, processor.version, processor.description, attachment)
        await presence.begin(self._bus)
        connection = asyncio.create_task(self._bus.run(), name="bus")
        greeting = asyncio.create_task(self._greet(attachment), name="greeting")
        ending = asyncio.create_task(self._ending.wait(), name="ending")
        await asyncio.wait({connection, ending}, return_when=asyncio.FIRST_COMPLETED)
        greeting.cancel()
        ending.cancel()
        if connection.done():
            return self._failed(connection), attachment.under_way
        return 0, await self._finish(attachment, connection)

    async def _greet(self, attachment: Attachment) -> None:
        await self._bus.opened()
        log.info("listening for messages", subject=attachment.subject, queue=attachment.queue)

    def _failed(self, connection: asyncio.Task[None]) -> int:
        error = connection.exception()
        if isinstance(error, GechologError | OSError):
            log.error("cannot go on", reason=_reason(error, self._address))
        elif error is not None:
            log.fault("cannot go on", error)
        return 1

    async def _finish(self, attachment: Attachment, connection: asyncio.Task[None]) -> int:
        log.info("stopping")
        left = await attachment.finish(_FINISHED_WITHIN)
        if left:
            log.warning("messages left without an answer", number=left)
        await self._bus.close()
        connection.cancel()
        await asyncio.gather(connection, return_exceptions=True)
        log.info("stopped")
        return left


def _reason(error: Exception, address: BusAddress) -> str:
    """The reason to log for an error, with a hint if the bus refuses an empty token: it was forgotten."""
    return (
        f"{error}: NATS_TOKEN is not set"
        if isinstance(error, LoginRefused) and address.credentials.is_empty
        else str(error)
    )


async def _ill(name: str, address: BusAddress) -> str:
    """Why the processor of this name on this host is not healthy; empty if it is."""
    bus = Bus(address, f"{name} health check", Log("healthcheck"), _INBOXES)
    connection = asyncio.create_task(bus.run(), name="bus")
    opened = asyncio.create_task(bus.opened(), name="bus opened")
    try:
        await asyncio.wait({connection, opened}, timeout=_HEALTHY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if connection.done() and isinstance(refusal := connection.exception(), BusRefused):
            return _reason(refusal, address)
        if not opened.done():
            return f"the bus at {address.hostname} is not reached"
        found = await is_present(bus, name, socket.gethostname(), _HEALTHY_WITHIN)
    except BusError as error:
        return str(error)
    else:
        return "" if found else "does not answer on this host"
    finally:
        await bus.close()
        for task in (connection, opened):
            task.cancel()
        await asyncio.wait({connection, opened})
