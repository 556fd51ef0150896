"""Whether a request asks for a service that has prices of its own, above those of the model. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from gecholog import lenient
from gecholog.llm.request_size import unescaped
from gecholog.llm.top_level import top_level

# The names of members and of what is dearer: of OpenAI, Azure and Gemini; of Bedrock's Converse, as objects;
# Anthropic's fast mode, and its inference in one country
# (https://platform.claude.com/docs/en/build-with-claude/data-residency).
_TIERS = frozenset({"priority", "fast"})
_DEARER = {
    "service_tier": _TIERS,
    "serviceTier": _TIERS,
    "speed": _TIERS,
    "performanceConfig": frozenset({"optimized"}),
    "inference_geo": frozenset({"us"}),
}
_INSIDE = ("type", "latency")  # of objects
# Bedrock's InvokeModel, and Vertex.
_HEADERS = {
    "X-Amzn-Bedrock-Service-Tier": _TIERS,
    "X-Vertex-Ai-Llm-Shared-Request-Type": _TIERS,
    "X-Amzn-Bedrock-Performanceconfig-Latency": _DEARER["performanceConfig"],
}
_SIGNS = (b'ier"', b'"speed"', b'"performanceConfig"', b'"inference_geo"')
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
    for name, dearer in _HEADERS.items():
        if name in headers:  # in few calls
            tiers = [value.strip().lower() for value in headers[name]]
            if (found := next((tier for tier in tiers if tier in dearer), "")) != "":
                return found
    return ""


def _may_name(text: bytes) -> bool:
    """Most texts do not, and are not parsed. `find` is faster than `in` (see `keys.masking`)."""
    return any(text.find(sign) >= 0 for sign in _SIGNS)


def _of_body(text: bytes) -> str:
    for one in top_level(text) or ():
        if one.name in _DEARER and (tier := _tier(text[one.start : one.end])) in _DEARER[one.name]:
            return tier
    return ""


def _tier(value: bytes) -> str:
    try:
        tier = orjson.loads(value)
    except orjson.JSONDecodeError:
        return ""
    if isinstance(tier, dict):
        tier = next((tier[name] for name in _INSIDE if name in tier), "")
    return tier.lower() if isinstance(tier, str) else ""
