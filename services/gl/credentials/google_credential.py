"""Tokens of Google Cloud, by Google's library. Only `provider_tokens` imports this module, when one is wanted.

The library blocks, so it runs in a thread. The credentials are read again for each token, about once an hour: a key
that was replaced is in use without a reload.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC
from email.message import Message
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import google.auth
import google.auth.credentials
import google.auth.transport
from google.auth.exceptions import GoogleAuthError, TransportError

from gecholog import regular_file
from services.gl.credentials import clock_skew
from services.gl.errors import UpstreamError

if TYPE_CHECKING:
    import ssl

    from services.gl.models.google_identity import GoogleIdentity

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TIMEOUT_S = 10.0  # of a request; the library tries again
_USUAL_S = 3600.0  # that a token is valid, if nothing else is said
_LARGE_SKEW_S = 60.0
_LONGEST_REASON = 200  # characters

# These have no types.
_load = cast("Any", google.auth.load_credentials_from_dict)
_with_scopes = cast("Any", google.auth.credentials.with_scopes_if_required)


class GoogleCredential:
    """Gets tokens for one identity. Implements `TokenSource`."""

    def __init__(self, identity: GoogleIdentity, tls: ssl.SSLContext) -> None:
        self._file = identity.credentials_file
        self._tls = tls

    async def token(self) -> tuple[str, float]:
        """A token, and the Unix time at which it expires. Raises UpstreamError."""
        return await asyncio.to_thread(self._fetch)

    async def close(self) -> None:
        """Nothing stays open between two tokens."""

    def _fetch(self) -> tuple[str, float]:
        transport = _Transport(self._tls)
        try:
            credentials = self._credentials(transport)
            credentials.refresh(transport)
        except TransportError as error:
            raise UpstreamError(503, f"the issuer of tokens cannot be reached: {_first_line(error)}") from None
        except (GoogleAuthError, OSError, ValueError) as error:
            raise UpstreamError(503, f"{_first_line(error)}{transport.clock_hint()}") from None
        expiry = credentials.expiry
        return credentials.token, time.time() + _USUAL_S if expiry is None else expiry.replace(tzinfo=UTC).timestamp()

    def _credentials(self, transport: _Transport) -> Any:
        """The credentials, not yet with a token.

        The library gets the scope last: with a scope it would ask another API for the project, which nobody needs.
        """
        if self._file:
            found, _ = _load(json.loads(regular_file.read_bytes(self._file)), request=transport)
        else:
            found, _ = google.auth.default(request=transport)
        return _with_scopes(found, [_SCOPE])


source = GoogleCredential


class _Response(NamedTuple):
    """A response as the library reads it (`google.auth.transport.Response`)."""

    status: int
    headers: Message  # names are compared without case
    data: bytes


class _Transport(google.auth.transport.Request):
    """Sends the requests of the library: it trusts what outbound TLS trusts, and uses the proxy of the environment."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls))
        self._skew_s: float | None = None

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_more: Any,
    ) -> _Response:
        """Send a request. Raises TransportError."""
        request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310 - the operator's
        try:
            with self._opener.open(request, timeout=timeout or _TIMEOUT_S) as response:
                found = _Response(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                found = _Response(error.code, error.headers, error.read())
        except (OSError, ValueError) as error:
            raise TransportError(error) from error  # type: ignore[no-untyped-call]
        self._skew_s = clock_skew.skew(found.headers.get("Date", ""), time.time())
        return found

    def clock_hint(self) -> str:
        """The end of an error message, if the clock of this machine differs from that of the issuer."""
        skew = self._skew_s or 0.0
        return f" ({clock_skew.shown(skew)})" if abs(skew) >= _LARGE_SKEW_S else ""


def _first_line(error: BaseException) -> str:
    text = str(error.args[0] if error.args else error).partition("\n")[0]
    return f"{text or type(error).__name__}"[:_LONGEST_REASON]
