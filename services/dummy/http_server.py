"""The HTTP server of the dummy. It can switch to another port while requests are in flight."""

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
from services.dummy.api_error import ApiError

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_BACKLOG = 1024  # connections waiting to be accepted: the dummy is made for bursts
_LARGEST_BODY = 256 * 1024 * 1024
_SHUTDOWN_TIMEOUT_S = 3.0  # for requests in flight


class HttpServer:
    """Accepts connections on one address at a time. Create it inside a running event loop."""

    def __init__(self, handle: Handle) -> None:
        server = _Server(handle, request_factory=_request, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_TIMEOUT_S)
        self._site: web.TCPSite | None = None

    async def listen(self, host: str, port: int) -> str:
        """Listen on this address, then close the previous one. Return the address as text.

        Raises GechologError if the address is not available. The previous one then stays open.
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
        """Stop listening, and close all connections."""
        await self._runner.cleanup()


class _Protocol(RequestHandler):
    """Answers invalid HTTP. aiohttp's own error page would quote the line and log it, including keys."""

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
        error = ApiError("The request is not valid HTTP.", status=status)
        response = web.Response(status=status, body=error.body, content_type="application/json")
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
