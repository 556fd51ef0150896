"""Entra ID (Azure AD): as whom gl calls a provider that takes tokens in place of a key. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

_AUDIENCE = "https://cognitiveservices.azure.com"


@dataclass(frozen=True, slots=True)
class EntraId:
    """An application, by tenant, id and secret; without a tenant the identity of the machine.

    `client_id` alone is that of a managed identity which the machine has beside others. `authority` issues the tokens,
    empty: that of the public cloud. `audience` is what they are for.
    """

    ISSUER: ClassVar = "Entra ID"

    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    authority: str = ""
    audience: str = _AUDIENCE

    @property
    def scope(self) -> str:
        """What a token is asked for."""
        return f"{self.audience.rstrip('/')}/.default"

    @classmethod
    def of(cls, entry: dict[str, Any]) -> EntraId:
        """That of a checked section of the config file."""
        return cls(**{name: text for name, text in entry.items() if text})
