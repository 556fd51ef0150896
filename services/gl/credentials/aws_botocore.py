"""Credentials of AWS and signatures, by botocore. Only `aws_credentials` imports this module, when it is wanted."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from services.gl.errors import UpstreamError

if TYPE_CHECKING:
    from services.gl.routing.aws_service import AwsService, UnsignedRequest


class BotocoreCredentials:
    """What the chain of botocore finds. Implements `AwsCredentials`."""

    def __init__(self) -> None:
        self._session = Session()
        self._found: Any = None
        self._frozen: Any = None

    def load(self) -> None:
        """Look credentials up, or renew them. Raises UpstreamError if there are none."""
        try:
            self._found = self._session.get_credentials()
            frozen = None if self._found is None else self._found.get_frozen_credentials()
        except (BotoCoreError, OSError) as error:
            raise UpstreamError(503, f"credentials for AWS: {type(error).__name__}") from None
        if frozen is None:
            raise UpstreamError(503, "there are no credentials for AWS")
        self._frozen = frozen

    def has_expired(self) -> bool:
        """Whether they have a time at which they expire, and it is past."""
        needs_refresh = getattr(self._found, "refresh_needed", None)  # only temporary ones have it
        return needs_refresh is not None and bool(needs_refresh(refresh_in=0))

    def sign(self, service: AwsService, request: UnsignedRequest) -> dict[str, str]:
        """The headers that sign a request. Raises UpstreamError if no region is known."""
        signed = AWSRequest(method=request.method, url=request.url, data=request.body, headers=request.headers)
        _Auth(self._frozen, service.name, service.region or self._region(), request.now).add_auth(signed)
        return {name: str(value) for name, value in signed.headers.items() if name not in request.headers}

    def _region(self) -> str:
        found = os.environ.get("AWS_REGION") or self._session.get_config_variable("region")
        if not found:
            raise UpstreamError(503, "no region of AWS: set region of the provider, or AWS_REGION")
        return str(found)


class _Auth(SigV4Auth):  # type: ignore[misc]
    """Signs at a given time: botocore takes that of the machine, whose clock may be wrong."""

    def __init__(self, credentials: Any, service: str, region: str, now: float) -> None:
        super().__init__(credentials, service, region)
        self._timestamp = datetime.fromtimestamp(now, UTC).strftime(SIGV4_TIMESTAMP)

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        request.context["timestamp"] = self._timestamp
        super()._modify_request_before_signing(request)
