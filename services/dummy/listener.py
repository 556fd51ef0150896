"""Where the dummy listens. The listener may move to another port while requests are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from gecholog.errors import GechologError
from gecholog.listen_error import listen_error
from services.dummy.refusal import Refusal

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_BACKLOG = 1024  # connections that wait to be accepted: bursts are what the dummy is for
_LARGEST_BODY = 256 * 1024 * 1024
_FINISH_WITHIN = 3.0  # seconds that requests under way have when the dummy stops


class Listener:
    """Takes connections on one address at a time. Made inside a running event loop."""

    def __init__(self, handle: Handle) -> None:
        server = _Server(handle, request_factory=_request, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_FINISH_WITHIN)
        self._site: web.TCPSite | None = None

    async def listen(self, host: str, port: int) -> str:
        """Take connections at this address, and then no more at the one before; returns the address as text.

        Raises GechologError if it cannot be had; the one before stays.
        """
        if self._runner.server is None:
            await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, backlog=_BACKLOG)
        try:
            await site.start()
        except OSError as error:
            await site.stop()
            raise GechologError(listen_error(host, port, error)) from error
        old, self._site = self._site, site
        if old is not None:
            await old.stop()
        return ", ".join(f"{address[0]}:{address[1]}" for address in self._runner.addresses)

    async def close(self) -> None:
        """Take no more connections, and end those that there are."""
        await self._runner.cleanup()


class _Protocol(RequestHandler):
    """aiohttp's own page for what is no HTTP repeats the bad line and logs it, keys and all: ours does not."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        del exc, message
        if request.writer.output_size:
            raise ConnectionError("the response has already started")
        refusal = Refusal("The request is not valid HTTP.", status=status)
        response = web.Response(status=status, body=refusal.body, content_type="application/json")
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_LARGEST_BODY)
