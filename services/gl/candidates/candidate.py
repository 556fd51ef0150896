"""A candidate: a possible destination of a call. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from gecholog import rawjson
from gecholog.headers import printable
from services.gl.candidates.target_key import provider_key
from services.gl.models.address import address, usual_headers
from services.gl.models.dialects import is_translated
from services.gl.models.profile import CHAT
from services.gl.routing import query
from services.gl.routing.routers import url_path

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from services.gl.models.address import Address
    from services.gl.models.endpoint import Endpoint
    from services.gl.models.provider import Provider
    from services.gl.resilience.breaker import BreakerRules
    from services.gl.routing.routers import Router


class Place(NamedTuple):
    """An endpoint of a provider: its URL without the query, the path of that URL, and the parameters of the query."""

    url: str
    path: str
    query: query.Pairs


@dataclass(frozen=True)
class Candidate:
    """The target of a router, or an endpoint of a provider with a model.

    `max_output_tokens` is the limit of the model for providers that require one; None: the config has none.

    `CandidateTable` keeps the candidates of a config. What depends on a candidate alone is therefore computed once for
    many calls, as a cached property.
    """

    router: Router
    provider: Provider | None = None
    model: str = ""
    endpoint: Endpoint | None = None
    max_output_tokens: int | None = None

    @cached_property
    def key(self) -> str:
        """The key under which its failures are counted."""
        return self.router.path if self.provider is None else provider_key(self.provider.name, self.model)

    @cached_property
    def breaker(self) -> BreakerRules | None:
        """The rules of its circuit breaker, or None."""
        return self.router.resilience.breaker if self.provider is None else self.provider.breaker

    @cached_property
    def is_translated(self) -> bool:
        """Whether it speaks another dialect than the client."""
        provider, endpoint = self.provider, self.endpoint
        return provider is not None and endpoint is not None and is_translated(provider, endpoint, self.model)

    @cached_property
    def place(self) -> Place | None:
        """Where its provider has the endpoint, in the client's dialect; at Vertex for requests without a stream.

        None for the target of a plain router.
        """
        if self.provider is None or self.endpoint is None:
            return None
        return self.place_of(address(self.provider, self.endpoint.path, self.model))

    def place_of(self, where: Address) -> Place:
        """The place of an address of its provider."""
        url, path = url_path(self.router.target, where.path[1:], changed=False)
        return Place(url, path, query.encoded({name: [value] for name, value in where.query}))

    @cached_property
    def vendor(self) -> str:
        """The name in the price table that its price is found under; empty if it has none there."""
        return self.router.price_provider if self.provider is None else self.provider.priced_as(self.model)

    @cached_property
    def model_json(self) -> bytes:
        """The name of the model as JSON."""
        return rawjson.dumps(self.model)

    @cached_property
    def usual_headers(self) -> Headers:
        """Headers for requests whose clients did not set them."""
        return {} if self.provider is None else usual_headers(self.provider)

    @cached_property
    def is_asked_for_usage(self) -> bool:
        """Whether the config lets gl request the usage of streams. From providers it does so for chats only."""
        return self.router.target.add_stream_usage and (self.endpoint is None or self.endpoint.path == CHAT)

    @cached_property
    def reply_headers(self) -> Headers:
        """Headers of a reply that name the provider and the model; none for the target of a plain router."""
        if self.provider is None:
            return {}
        return {
            "X-Gecholog-Provider": [self.provider.name],
            "X-Gecholog-Model": [printable(self.model)],
        }
