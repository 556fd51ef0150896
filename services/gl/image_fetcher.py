"""Fetches images by their URLs, for providers that take no URLs. Made against server-side request forgery (SSRF).

A client chooses the URLs, so they must not lead into the gateway's network. A name is resolved once, all of its
addresses have to be public, and the connection goes to an address of that answer: a later answer of the DNS cannot
change where it goes. The same is done for each redirect. Requests carry nothing of the client or of the gateway.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn

from gecholog.llm.chat_dialect import FetchedImage
from gecholog.log_throttle import LogThrottle
from gecholog.logs import Log
from gecholog.shorten import shorten
from services.gl.errors import ErrorDetail, Refusal, UpstreamError
from services.gl.http import UpstreamRequest
from services.gl.images import media
from services.gl.images.public_address import is_public
from services.gl.images.refused import ImageRefused
from services.gl.images.url import ImageUrl, parsed, redirected
from services.gl.routing.routers import Origin, Router, Timeouts, no_target
from services.gl.upstream import Pool
from services.gl.upstream.dial import Dialer, SocketAddress
from services.gl.upstream.proxy import Proxies

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Sequence

    from services.gl.http import Response, Upstream
    from services.gl.images.rule import ImageRule
    from services.gl.upstream.dial import Resolve

log = Log("gateway")

LARGEST = 20 * 1024 * 1024  # bytes of one image
LARGEST_TOGETHER = 40 * 1024 * 1024  # bytes of all images of a request
MOST = 20  # images of a request
MOST_REDIRECTS = 5
SECONDS = 10.0  # for one image, with all redirects

_AT_ONCE = 4  # images of a request
_AT_ONCE_IN_ALL = 16
_LOOKUPS_AT_ONCE = 4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"Accept": ["image/*"], "Accept-Encoding": ["identity"], "User-Agent": ["gecholog"]}
_TIMEOUTS = Timeouts(SECONDS, SECONDS, SECONDS, SECONDS)
_LARGE = 256 * 1024  # bytes that are not encoded while other calls wait
_LONGEST_SHOWN = 200  # characters of a URL in an error
_HOST_REFUSED = "image host refused: not all of its addresses are public"
_LOG_EVERY_S = 60.0
_UNREACHABLE = "its host cannot be reached at a public address"


class ImageFetcher:
    """Fetches images over connections of their own for each request. Implements `ImageSource`."""

    def __init__(self, connect: Callable[[], Upstream], proxies: Proxies) -> None:
        """`connect` returns an upstream client for public addresses only, such as `PublicPools`.

        `proxies` are those in force. Each request has an upstream client of its own: a pool remembers the hosts that it
        has seen, and clients of the gateway may name any number of them.
        """
        self._connect = connect
        self._proxies = proxies
        self._turns = asyncio.Semaphore(_AT_ONCE_IN_ALL)

    async def fetch(self, urls: Iterable[str], rule: ImageRule) -> dict[str, FetchedImage]:
        """See `ImageSource`."""
        wanted = tuple(dict.fromkeys(urls))
        if not rule.is_on or not wanted:
            return {}
        if len(wanted) > MOST:
            _refuse(f"a request may have at most {MOST} images by URL")
        upstream = self._connect()
        request = _RequestImages(upstream, self._proxies, rule, self._turns)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {url: group.create_task(request.one(url), name="image") for url in wanted}
        except* Refusal as refusals:
            refusal = _first(refusals)
        else:
            return {url: task.result() for url, task in tasks.items()}
        finally:
            upstream.retire()
        raise refusal


class ByteBudget:
    """How many bytes the images of a request may still have."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> None:
        """Take some of them. Raises ImageRefused if there are not as many."""
        self._left -= size
        if self._left < 0:
            raise ImageRefused(f"all images of a request may have at most {_mb(LARGEST_TOGETHER)} MB together")


class _RequestImages:
    """The images of one request, a few at a time."""

    def __init__(self, upstream: Upstream, proxies: Proxies, rule: ImageRule, turns: asyncio.Semaphore) -> None:
        """`turns` bounds how many are fetched at a time for all requests."""
        self._upstream = upstream
        self._proxies = proxies
        self._rule = rule
        self._turns_of_all = turns
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._budget = ByteBudget(LARGEST_TOGETHER)

    async def one(self, text: str) -> FetchedImage:
        """One image. Raises Refusal."""
        shown = ""
        try:
            url = parsed(text)
            shown = f" {shorten(str(url), _LONGEST_SHOWN)}"
            async with self._turns, self._turns_of_all, asyncio.timeout(SECONDS):
                data, media_type = await self._followed(url)
        except ImageRefused as refused:
            _refuse(f"the image{shown} cannot be fetched: {refused}")
        except TimeoutError:
            _refuse(f"the image{shown} cannot be fetched: not complete within {SECONDS:g} seconds")
        except UpstreamError as error:
            _refuse(f"the image{shown} cannot be fetched: {_told(error)}")
        return FetchedImage(await _encoded(data), media_type)

    async def _followed(self, url: ImageUrl) -> tuple[bytes, str]:
        """The bytes of an image and their media type, behind redirects. Raises ImageRefused and UpstreamError."""
        for _ in range(MOST_REDIRECTS + 1):
            self._rule.check(url)
            response = await self._response(url)
            try:
                if response.status not in _REDIRECTS:
                    return await _body(response, self._budget)
                url = redirected(url, _location(response))
            finally:
                response.abandon()
        raise ImageRefused(f"it redirects more than {MOST_REDIRECTS} times")

    async def _response(self, url: ImageUrl) -> Response:
        origin = Origin(url.scheme, url.host, url.port)
        if self._proxies.route(origin) is not None:
            raise ImageRefused("the gateway reaches its host through a proxy, and fetches no images through proxies")
        target = replace(no_target(_TIMEOUTS), origin=origin)
        router = Router("", {}, target)
        path, _, query = url.target.partition("?")
        return await self._upstream.send(UpstreamRequest("GET", router, path, query, dict(_HEADERS), b""))


async def _encoded(data: bytes) -> str:
    """Data in base64. Other calls do not wait for large ones."""
    encoded = await asyncio.to_thread(base64.b64encode, data) if len(data) > _LARGE else base64.b64encode(data)
    return encoded.decode("ascii")


async def _body(response: Response, budget: ByteBudget) -> tuple[bytes, str]:
    """The body of a response and its media type, if it is an image that is not too large."""
    if response.status != HTTPStatus.OK:
        raise ImageRefused(f"its server answers with status {response.status}")
    media_type = media.declared_type(_only(response, "Content-Type"))
    if _only(response, "Content-Encoding").lower() not in {"", "identity"}:
        raise ImageRefused("its server compresses it unasked")
    if (response.length or 0) > LARGEST:
        raise _too_large()
    pieces, size = [], 0
    while piece := await response.read():
        size += len(piece)
        if size > LARGEST:
            raise _too_large()
        budget.take(len(piece))
        pieces.append(piece)
    data = b"".join(pieces)
    media.check(media_type, data)
    return data, media_type


def _location(response: Response) -> str:
    location = _only(response, "Location")
    if not location:
        raise ImageRefused("it redirects without saying where to")
    return location


def _only(response: Response, name: str) -> str:
    """The value of a header; empty if there is none, or more than one."""
    values = response.headers.get(name, [])
    return values[0] if len(values) == 1 else ""


def _too_large() -> ImageRefused:
    return ImageRefused(f"it has more than {_mb(LARGEST)} MB")


def _mb(size: int) -> int:
    return size // (1024 * 1024)


def _told(error: UpstreamError) -> str:
    """What a client is told: the same for names that are unknown and for those that are refused."""
    return _UNREACHABLE if error.status == HTTPStatus.SERVICE_UNAVAILABLE else error.reason


def _refuse(message: str) -> NoReturn:
    detail = ErrorDetail(HTTPStatus.BAD_REQUEST, message, "invalid_image_url", param="image_url")
    raise Refusal(HTTPStatus.BAD_REQUEST, message, detail=detail) from None


def _first(group: BaseExceptionGroup[Refusal]) -> Refusal:
    for error in group.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError("a group is never empty")


# --------------------------------------------------------- public addresses


class PublicPools:
    """Makes upstream clients that connect to public addresses alone, without proxies."""

    def __init__(self, context: ssl.SSLContext, lookup: Resolve | None = None, dialer: type[Dialer] = Dialer) -> None:
        """`lookup` resolves a host name (None: the system does), and a `dialer` connects to what it found."""
        self._context = context
        self._lookup = lookup or SystemLookup()
        self._dialer = dialer
        self._throttle = LogThrottle(_LOG_EVERY_S)

    def __call__(self) -> Pool:
        """Return a new client."""
        return Pool(self._context, Proxies(), dialer=self._dialer(self._resolve))

    async def _resolve(self, host: str, port: int) -> Sequence[SocketAddress]:
        """All addresses of a host. Raises OSError if one of them is not public."""
        found = await self._lookup(host, port)
        if not all(is_public(str(address.sockaddr[0])) for address in found):
            if occurrences := self._throttle.admit(_HOST_REFUSED):
                log.warning(_HOST_REFUSED, host=host, occurrences=occurrences)
            raise socket.gaierror(socket.EAI_NONAME, "not public")
        return found


class SystemLookup:
    """Resolves host names as the system does, in threads of its own.

    A name server may take half a minute not to answer. Names that clients choose must not occupy the threads in which
    the hosts of providers are resolved.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="image lookup")

    async def __call__(self, host: str, port: int) -> Sequence[SocketAddress]:
        """All addresses of a host. Raises OSError (gaierror)."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _addresses, host, port)


def _addresses(host: str, port: int) -> list[SocketAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [SocketAddress(family, sockaddr) for family, _, _, _, sockaddr in found]
