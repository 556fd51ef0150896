"""Providers: APIs with an address and credentials. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from gecholog.headers import Headers, canonical
from services.gl.models import profile as profiles
from services.gl.models.entra_id import EntraId
from services.gl.models.google_identity import GoogleIdentity
from services.gl.models.profile import Profile
from services.gl.models.vendor import vendor_of_profile
from services.gl.models.vertex import GLOBAL, Publisher, VertexPlace, publisher_of, vertex_url
from services.gl.resilience.breaker import BreakerRules
from services.gl.routing.aws_service import AwsService, bedrock_url, region_of


class Dialect(Enum):
    """The dialect of a provider."""

    OPENAI = "openai"
    AZURE = "azure"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    VERTEX = "vertex"
    BEDROCK = "bedrock"
    OLLAMA = "ollama"
    COHERE = "cohere"
    DUMMY = "dummy"


# Base URLs of dialects that have one place on the internet. Those of OpenAI's clones are in their profiles.
URLS = {
    Dialect.ANTHROPIC: "https://api.anthropic.com",
    Dialect.GEMINI: "https://generativelanguage.googleapis.com",
    Dialect.COHERE: "https://api.cohere.com",
    Dialect.DUMMY: "http://127.0.0.1:5390/v1",
}


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that can be called.

    `url` is where its API begins; `api_version` is Azure's, and so is `entra_id` in place of a key; `aws` is what
    requests without a key are signed for; `vertex` is where Vertex serves, and `google` as whom it is called without a
    key. `models` are names and globs that it is known to serve, `discovers` says that
    it is asked for more of them. `headers` go with every request. `max_connections` None: no limit of its own.
    """

    name: str
    dialect: Dialect
    url: str
    profile: Profile
    api_key: str = field(default="", repr=False)
    entra_id: EntraId | None = None
    api_version: str = ""
    aws: AwsService | None = None
    vertex: VertexPlace | None = None
    google: GoogleIdentity | None = None
    headers: Headers = field(default_factory=dict, repr=False)
    timeouts: dict[str, int] = field(default_factory=dict)
    default_system_prompt: str = ""
    models: tuple[str, ...] = ()
    discovers: bool = False
    breaker: BreakerRules = field(default_factory=BreakerRules)
    max_connections: int | None = None

    def publisher(self, model: str) -> Publisher | None:
        """The publisher of a model, whose dialect Vertex speaks; None for other providers."""
        return None if self.vertex is None else publisher_of(model)

    @property
    def identity(self) -> EntraId | GoogleIdentity | None:
        """As whom it takes tokens in place of a key; None if it takes none."""
        return self.entra_id or self.google

    @property
    def speaks_openai(self) -> bool:
        """Whether requests in OpenAI's dialect can be sent to it unchanged."""
        return self.dialect in _OPENAI

    @property
    def vendor(self) -> str:
        """The provider's name in the price table; empty if it is not in there."""
        return _VENDORS.get(self.dialect) or vendor_of_profile(self.profile)

    def priced_as(self, model: str) -> str:
        """The name in the price table that the price of a model is found under.

        That of Claude on Vertex is Anthropic's: both have the same list price.
        """
        is_claude = self.publisher(model) is Publisher.ANTHROPIC
        return _VENDORS[Dialect.ANTHROPIC] if is_claude else self.vendor


_OPENAI = frozenset({Dialect.OPENAI, Dialect.AZURE, Dialect.DUMMY})

_VENDORS = {
    Dialect.AZURE: "azure",
    Dialect.ANTHROPIC: "anthropic",
    Dialect.GEMINI: "google",
    Dialect.VERTEX: "google",
    Dialect.BEDROCK: "bedrock",
    Dialect.COHERE: "cohere",
}


def provider_of(entry: dict[str, Any]) -> Provider:
    """The provider of a checked entry of the config file."""
    dialect = Dialect(entry["dialect"])
    return Provider(
        name=entry["name"],
        dialect=dialect,
        url=url_of(entry).rstrip("/"),
        profile=profile_of(entry),
        api_key=entry.get("api_key", ""),
        entra_id=EntraId.of(entry["entra_id"]) if "entra_id" in entry else None,
        api_version=entry.get("api_version", ""),
        aws=_aws(entry) if dialect is Dialect.BEDROCK and "api_key" not in entry else None,
        vertex=_vertex(entry) if dialect is Dialect.VERTEX else None,
        google=_google(entry) if dialect is Dialect.VERTEX else None,
        headers={canonical(name): values for name, values in entry.get("headers", {}).items()},
        timeouts=entry.get("timeouts", {}),
        default_system_prompt=entry.get("default_system_prompt", ""),
        models=tuple(entry.get("models", ())),
        discovers=entry.get("discover", False),
        breaker=BreakerRules.of(entry.get("breaker", {})),
        max_connections=entry.get("max_connections"),
    )


def _aws(entry: dict[str, Any]) -> AwsService:
    host = urlsplit(entry.get("url", "")).hostname or ""
    return AwsService("bedrock", entry.get("region", "") or region_of(host))


def _vertex(entry: dict[str, Any]) -> VertexPlace:
    return VertexPlace(entry.get("project", ""), entry.get("location") or GLOBAL)


def _google(entry: dict[str, Any]) -> GoogleIdentity | None:
    return None if "api_key" in entry else GoogleIdentity(entry.get("credentials_file", ""))


def url_of(entry: dict[str, Any]) -> str:
    """The base URL of an entry: its own, else the usual one; empty if there is no usual one."""
    own: str = entry.get("url", "")
    if not own and entry["dialect"] == Dialect.BEDROCK.value:
        return bedrock_url(entry.get("region", ""))
    if not own and entry["dialect"] == Dialect.VERTEX.value:
        return vertex_url(entry.get("location", ""))
    return own or URLS.get(Dialect(entry["dialect"])) or profile_of(entry).url


def profile_of(entry: dict[str, Any]) -> Profile:
    """The profile of an entry: the one that it names, else that of its host. Without a host: `generic`."""
    named = profiles.PROFILES.get(entry.get("profile", ""))
    return named or profiles.guessed(urlsplit(entry.get("url", "")).hostname or "")
