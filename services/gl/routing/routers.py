"""Routers, and the table that finds the router of a path. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gecholog.quota.limits import NO_LIMITS, Limits
from services.gl.images.rule import ImageRule
from services.gl.resilience.rules import ResilienceRules
from services.gl.routing import query as queries
from services.gl.routing.key_rule import KeyRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gecholog.headers import Headers
    from services.gl.errors import ErrorFormat
    from services.gl.record.privacy import PayloadPrivacy
    from services.gl.routing.aws_service import AwsService
    from services.gl.routing.cors import Cors

PORTS = {"http": 80, "https": 443}
# A segment of one or two dots, as some server may read it: encoded dots and slashes, backslashes, parameters after `;`.
_DOT_SEGMENT = re.compile(r"(?:/|\\|%2f|%5c)(?:\.|%2e){1,2}(?=$|[/\\;]|%2f|%5c|%3b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Origin:
    """The address of a server: scheme, host and port."""

    scheme: str
    host: str
    port: int

    @property
    def name(self) -> str:
        """The host without the trailing dot of an absolute DNS name.

        The dot tells the resolver not to try search domains. It is not part of the name in certificates, in SNI
        (RFC 6066, section 3) and in `Host`.
        """
        return self.host.removesuffix(".")

    @property
    def authority(self) -> str:
        """`host` or `host:port`, for the Host header (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.name
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time-outs of an upstream in seconds; None is no limit."""

    connect: float | None = 10.0
    first_byte: float | None = 600.0
    between_chunks: float | None = 300.0
    total: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The destination of a router's calls. `base` is the URL without its query, `base_path` the path of that URL."""

    origin: Origin
    base: str
    base_path: str
    query: queries.Pairs
    endpoint_path: str
    endpoint_query: queries.Pairs
    headers: Headers
    timeouts: Timeouts = field(default_factory=Timeouts)
    add_stream_usage: bool = False
    max_connections: int | None = None  # to the origin at a time; None: no limit
    removed: frozenset[str] = frozenset()  # request headers that are not forwarded; none of `headers`
    aws: AwsService | None = None  # which requests are signed for; None: they are not


class Action(Enum):
    """What a router does with its calls."""

    FORWARD = "forward"  # to its target
    ECHO = "echo"  # returns the request that would have been sent
    MODELS = "models"  # to a provider of the model that the request names


def action_of(path: str) -> Action:
    """The action of a router with this path and a url."""
    return Action.ECHO if path.startswith("/echo/") else Action.FORWARD


@dataclass(frozen=True, slots=True)
class Router:
    """A path of the gateway: the required headers, the target, and the web pages that may call it.

    A router of models has no target of its own; `models` are the names that clients may use. For each provider there is
    a router with the same path and the provider's target, whose `provider` is set. `price_provider` is the seller of
    the target's models, by its name in the table of prices; empty if that is not known. `continues_trace`: a span of
    gl is the parent of the upstream's. `privacy` is what records show
    of payloads; None: all.
    """

    path: str
    required_headers: Mapping[str, tuple[str, ...]]
    target: Target
    cors: Cors | None = None
    errors: ErrorFormat | None = None  # None: the gateway's default
    action: Action = Action.FORWARD
    resilience: ResilienceRules = field(default_factory=ResilienceRules)
    models: tuple[str, ...] = ()
    default_provider: str = ""
    provider: str = ""
    price_provider: str = ""
    privacy: PayloadPrivacy | None = None
    fetch_images: ImageRule = field(default_factory=ImageRule)
    limits: Limits = NO_LIMITS
    keys: KeyRule = KeyRule.OFF
    continues_trace: bool = False


def parse_target(
    url: str,
    endpoint: str,
    headers: Headers,
    timeouts: Timeouts | None = None,
    *,
    add_stream_usage: bool = False,
) -> Target:
    """Parse a router's `url` and `endpoint`. Raises ValueError if the url is not an http or https address."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.username is not None or not _is_clean(url):
        raise ValueError("must be an http or https address")
    origin = Origin(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme])
    endpoint_path, _, endpoint_query = endpoint.partition("?")
    if endpoint_path == "/":  # the same as no endpoint
        endpoint_path = ""
    return Target(
        origin=origin,
        base=f"{parts.scheme}://{parts.netloc}{parts.path}",
        base_path=parts.path,
        query=queries.parse(parts.query),
        endpoint_path=endpoint_path,
        endpoint_query=queries.parse(endpoint_query),
        headers=headers,
        timeouts=timeouts or Timeouts(),
        add_stream_usage=add_stream_usage,
    )


def no_target(timeouts: Timeouts | None = None) -> Target:
    """A placeholder for the target of a router that has none. Nothing is sent to it."""
    return Target(Origin("http", "", 0), "", "", (), "", (), {}, timeouts or Timeouts())


def _is_clean(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url and "#" not in url


class Table:
    """All routers of a config.

    Paths in `left_out`, whose router entries are invalid, match no router. Otherwise a router with a shorter path would
    take their calls to another target, without the checks of their own router.
    """

    def __init__(self, routers: Iterable[Router], left_out: Mapping[str, str] | None = None) -> None:
        """`left_out` has the reason for each path."""
        self._routers = {router.path: router for router in routers}
        self._left_out = {path: why for path, why in (left_out or {}).items() if path not in self._routers}
        # the lengths of all router paths, the longest first: only prefixes of these lengths can match
        self._lengths = sorted({len(path) for path in (*self._routers, *self._left_out)}, reverse=True)
        self._slashless = frozenset(path[:-1] for path in (*self._routers, *self._left_out))

    def __getitem__(self, path: str) -> Router:
        return self._routers[path]

    def __iter__(self) -> Iterator[Router]:
        return iter(self._routers.values())

    def get(self, path: object) -> Router | None:
        """The router with exactly this path, or None."""
        return self._routers.get(path) if isinstance(path, str) else None

    def match(self, path: str) -> Router | None:
        """The router with the longest path that is a prefix of the (undecoded) `path`, or None."""
        for length in self._lengths:
            if (router := self._routers.get(path[:length])) is not None:
                return router
            if path[:length] in self._left_out:
                return None
        return None

    def left_out(self, path: str) -> tuple[str, str] | None:
        """The path of the left-out router that would match `path`, and the reason, or None."""
        for length in self._lengths:
            if path[:length] in self._routers:
                return None
            if (reason := self._left_out.get(path[:length])) is not None:
                return path[:length], reason
        return None

    def lacks_slash(self, path: str) -> bool:
        """Tell whether `path` is the path of a router without its trailing slash."""
        return path in self._slashless


def has_dot_segment(path: str) -> bool:
    """Tell whether a path has a `.` or `..` segment, encoded or not: it could lead out of the router's path."""
    # the search takes 1 to 2 µs, and most paths have neither character
    return ("." in path or "%" in path) and _DOT_SEGMENT.search(path) is not None


def url_path(target: Target, subpath: str, *, changed: bool) -> tuple[str, str]:
    """The URL without its query, for the record, and its path, for the request.

    `subpath` is percent-encoded; a fixed endpoint replaces it. A subpath that a processor `changed` may begin with a
    slash, which is dropped. The client's own is forwarded unchanged.
    """
    if target.endpoint_path:
        tail = "/" + target.endpoint_path.removeprefix("/")
        return target.base.removesuffix("/") + tail, target.base_path.removesuffix("/") + tail
    if not subpath:
        return target.base, target.base_path or "/"
    tail = "/" + (subpath.removeprefix("/") if changed else subpath)
    return target.base.removesuffix("/") + tail, target.base_path.removesuffix("/") + tail
