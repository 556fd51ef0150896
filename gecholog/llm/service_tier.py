"""Whether a request asks for a service that has prices of its own, above those of the model. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from gecholog import lenient
from gecholog.llm.request_size import unescaped
from gecholog.llm.top_level import top_level

# OpenAI, Azure and Gemini; Bedrock's Converse, as an object with a type; Anthropic's fast mode.
_NAMES = frozenset({"service_tier", "serviceTier", "speed"})
_DEARER = frozenset({"priority", "fast"})
# Bedrock's InvokeModel, and Vertex.
_HEADERS = ("X-Amzn-Bedrock-Service-Tier", "X-Vertex-Ai-Llm-Shared-Request-Type")
_END = 1024  # bytes


def dearer_tier(body: bytes, headers: Mapping[str, Sequence[str]]) -> str:
    """The name of the service that a request asks for if it costs more than the usual one; else empty.

    `headers` have canonical names. Services that are cheaper count as the usual one.
    """
    text = unescaped(lenient.in_utf8(body))
    return _of_headers(headers) or (_of_body(text) if _may_name(text) else "")


def has_dearer_tier(body: bytes, headers: Mapping[str, Sequence[str]]) -> bool:
    """Tell the same at little cost: the member is looked for at both ends of the body, where clients write it."""
    ends = body if len(body) <= 2 * _END else body[:_END] + body[-_END:]
    return bool(_of_headers(headers) or (_may_name(ends) and _of_body(unescaped(lenient.in_utf8(body)))))


def _of_headers(headers: Mapping[str, Sequence[str]]) -> str:
    for name in _HEADERS:
        if name in headers:  # in few calls
            tiers = [value.strip().lower() for value in headers[name]]
            return next((tier for tier in tiers if tier in _DEARER), "")
    return ""


def _may_name(text: bytes) -> bool:
    """Most texts do not, and are not parsed. `find` is faster than `in` (see `keys.masking`)."""
    return text.find(b'ier"') >= 0 or text.find(b'"speed"') >= 0


def _of_body(text: bytes) -> str:
    found = (_tier(text[one.start : one.end]) for one in top_level(text) or () if one.name in _NAMES)
    return next((tier for tier in found if tier in _DEARER), "")


def _tier(value: bytes) -> str:
    try:
        tier = orjson.loads(value)
    except orjson.JSONDecodeError:
        return ""
    if isinstance(tier, dict):
        tier = tier.get("type")
    return tier.lower() if isinstance(tier, str) else ""
