"""Credentials of AWS and signatures, by botocore. Takes long to import: only `aws_signing` does, when it is wanted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from services.gl.errors import UpstreamError

if TYPE_CHECKING:
    from services.gl.aws_service import AwsService


class BotocoreCredentials:
    """What the chain of botocore finds."""

    def __init__(self) -> None:
        self._session = Session()
        self._frozen: Any = None

    def load(self) -> None:
        """Look credentials up, or renew them. Raises UpstreamError if there are none."""
        try:
            found = self._session.get_credentials()
            self._frozen = found.get_frozen_credentials() if found is not None else None
        except (BotoCoreError, OSError) as error:
            raise UpstreamError(503, f"credentials for AWS: {type(error).__name__}") from None
        if self._frozen is None:
            raise UpstreamError(503, "there are no credentials for AWS")

    def sign(self, service: AwsService, method: str, url: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        """The headers that sign a request. Raises UpstreamError if no region is known."""
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        SigV4Auth(self._frozen, service.name, service.region or self._region()).add_auth(request)
        return {name: str(value) for name, value in request.headers.items() if name not in headers}

    def _region(self) -> str:
        found = os.environ.get("AWS_REGION") or self._session.get_config_variable("region")
        if not found:
            raise UpstreamError(503, "no region of AWS: set region of the provider, or AWS_REGION")
        return str(found)
