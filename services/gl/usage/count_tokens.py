"""Responds to token count requests with an estimate, for providers that do not count."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gecholog import rawjson
from gecholog.llm import translate
from gecholog.llm.errors import InvalidRequestError
from gecholog.llm.token_estimate import estimate_tokens
from services.gl.errors import ErrorDetail, Refusal
from services.gl.models.dialects import client_dialect
from services.gl.responses.response import LocalResponse

if TYPE_CHECKING:
    from services.gl.bodies.client_body import ClientBody
    from services.gl.models.endpoint import Endpoint

_LARGE = 256 * 1024  # bytes of a request that is not read while other calls wait


async def estimated(body: ClientBody, endpoint: Endpoint) -> LocalResponse:
    """The answer, as Anthropic's API gives it. Raises Refusal if the request is not valid."""
    try:
        large = len(body.data) > _LARGE
        tokens = await asyncio.to_thread(_count, body, endpoint) if large else _count(body, endpoint)
    except InvalidRequestError as error:
        detail = ErrorDetail(400, str(error), "invalid_request", param=error.param or None)
        raise Refusal(400, str(error), detail=detail) from error
    return LocalResponse(200, rawjson.dumps({"input_tokens": tokens}), {"X-Gecholog-Token-Count": ["estimated"]})


def _count(body: ClientBody, endpoint: Endpoint) -> int:
    client = client_dialect(endpoint)
    return 0 if client is None else estimate_tokens(translate.read_request(client, body.data))
