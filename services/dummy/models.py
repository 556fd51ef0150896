"""`/v1/models`: the listed models. Requests may use any other name, which the reply repeats."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from services.dummy import reply
from services.dummy.api_error import ApiError
from services.dummy.reply import Reply

NAMES = ("dummy", "dummy-embedding")
_CREATED = 1735689600  # 2025-01-01


def listed() -> Reply:
    """Return all models."""
    return reply.json_reply({"object": "list", "data": [_model(name) for name in NAMES]})


def one(name: str) -> Reply:
    """Return one model. Raises ApiError if it is not listed."""
    if name not in NAMES:
        message = "The model does not exist."
        raise ApiError(message, status=HTTPStatus.NOT_FOUND, param="model", code="model_not_found")
    return reply.json_reply(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "gecholog"}
