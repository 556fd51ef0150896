"""Tokens of Entra ID, by Microsoft's library. Only `provider_tokens` imports this module, when one is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential

from services.gl.errors import UpstreamError

if TYPE_CHECKING:
    import ssl

    from services.gl.models.entra_id import EntraId

_TIMEOUT_S = 20.0


class EntraCredential:
    """Gets tokens for one identity. Implements `TokenSource`."""

    def __init__(self, entra: EntraId, tls: ssl.SSLContext) -> None:
        """`tls` is for an application; the identity of a machine has ways of its own to get a token."""
        self._scope = entra.scope
        self._session: aiohttp.ClientSession | None = None
        where = {"authority": entra.authority} if entra.authority else {}
        self._credential: ClientSecretCredential | DefaultAzureCredential
        if entra.tenant_id:
            self._session = _session(tls)
            through = AioHttpTransport(session=self._session, session_owner=False)
            self._credential = ClientSecretCredential(
                entra.tenant_id, entra.client_id, entra.client_secret, **where, transport=through, retry_total=0
            )
        else:
            chosen = {"managed_identity_client_id": entra.client_id} if entra.client_id else {}
            self._credential = DefaultAzureCredential(**where, **chosen)

    async def token(self) -> tuple[str, float]:
        """A token, and the Unix time at which it expires. Raises UpstreamError."""
        try:
            found = await self._credential.get_token(self._scope)
        except ClientAuthenticationError as error:
            status = f"status {error.status_code}" if error.status_code else _first_line(error)
            raise UpstreamError(503, f"authentication failed: {status}") from None
        except (AzureError, OSError) as error:
            raise UpstreamError(503, type(error).__name__) from None
        return found.token, float(found.expires_on)

    async def close(self) -> None:
        """Close its connections."""
        await self._credential.close()
        if self._session is not None:
            await self._session.close()


source = EntraCredential


def _session(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
        trust_env=True,
    )


def _first_line(error: Any) -> str:
    return str(error).partition("\n")[0][:200]
