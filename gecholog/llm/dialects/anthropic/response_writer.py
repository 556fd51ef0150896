"""Writes answers of Anthropic messages from the neutral form."""

from __future__ import annotations

from msgspec.structs import replace

from gecholog.llm.chat import (
    ChatResponse,
    Choice,
    Citation,
    FinishReason,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from gecholog.llm.chat_dialect import ReplyContext
from gecholog.llm.checked import Json
from gecholog.llm.dialects.anthropic.blocks import NAME
from gecholog.llm.signatures import Signature, pack
from gecholog.llm.tool_arguments import as_object
from gecholog.llm.usage import Usage

_STOP_REASONS = {
    FinishReason.STOP: "end_turn",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.CONTENT_FILTER: "refusal",
    FinishReason.REFUSAL: "refusal",
    FinishReason.FAILED: "refusal",  # the only one that tells an agent not to go on as if all was well
    FinishReason.OTHER: "end_turn",
}
# All members that the API has: what nobody knows is null.
_NO_USAGE: Json = {
    "input_tokens": 0,
    "cache_creation_input_tokens": None,
    "cache_read_input_tokens": None,
    "cache_creation": None,
    "output_tokens": 0,
    "output_tokens_details": None,
    "server_tool_use": None,
    "service_tier": None,
    "inference_geo": None,
}


def write_response(response: ChatResponse, context: ReplyContext) -> Json:
    """The body of an answer. Of several choices the first counts."""
    choice = response.choices[0] if response.choices else Choice()
    message = head(context, response.id, response.model)
    parts = _with_ids(choice.parts, context)
    message["content"] = [block for part in parts for block in _blocks(part)]
    return (
        message
        | stop_of(choice.finish_reason, choice.stop_sequence, choice.native_reason)
        | {"usage": usage_fields(response.usage)}
    )


def call_id(context: ReplyContext, index: int) -> str:
    """The id of a tool call that has none of its provider."""
    return f"toolu_{context.id}_{index}"


def _with_ids(parts: tuple[Part, ...], context: ReplyContext) -> list[Part]:
    """The parts, each call with an id."""
    return [
        replace(part, id=call_id(context, index)) if isinstance(part, ToolCall) and not part.id else part
        for index, part in enumerate(parts)
    ]


def head(context: ReplyContext, known: str, model: str) -> Json:
    """The members of a message but for its content, its end, and its usage."""
    return {
        "id": known or f"msg_{context.id}",
        "type": "message",
        "role": "assistant",
        "model": model or context.model,
        "container": None,
    }


def stop_of(reason: FinishReason | None, sequence: str, native: str = "") -> Json:
    """The members that tell why a message ended. `native` is the provider's own word for it."""
    stop = _STOP_REASONS.get(reason or FinishReason.STOP)
    if stop == "end_turn" and sequence:
        stop = "stop_sequence"
    details = None
    if native and stop == "refusal":
        details = {"type": "refusal", "category": None, "explanation": f"The model stopped: {native}."}
    return {"stop_reason": stop, "stop_sequence": sequence or None, "stop_details": details}


def usage_fields(usage: Usage | None) -> Json:
    """A usage in Anthropic's words: `input_tokens` leaves out what was read from a cache or written to one."""
    if usage is None:
        return _NO_USAGE
    prompt, cached, created = usage.prompt_tokens or 0, usage.cached_tokens, usage.cache_creation_tokens
    if cached is not None:
        cached = min(cached, prompt - min(created or 0, prompt))  # xAI tells of more than there was
    reasoning = usage.reasoning_tokens
    return _NO_USAGE | {
        "input_tokens": max(0, prompt - (cached or 0) - (created or 0)),
        "cache_creation_input_tokens": created,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.completion_tokens or 0,
        "output_tokens_details": {"thinking_tokens": reasoning} if reasoning else None,
    }


def _blocks(part: Part) -> list[Json]:
    """The content blocks of a part. A signed call has its signature in a block before it, which clients return."""
    match part:
        case Text(text):
            return [_text(text, part.citations)] if text or part.citations else []
        case Refusal(text) if text:
            return [_text(text, ())]
        case Reasoning():
            return [thinking_block(part)]
        case ToolCall():
            block = tool_block(part.id, part.name) | {"input": as_object(part.arguments)}
            return [signature_block(part.signature, part.origin), block] if part.signature else [block]
    return []


def _text(text: str, citations: tuple[Citation, ...]) -> Json:
    return {"type": "text", "text": text, "citations": [citation_fields(cited) for cited in citations] or None}


def tool_block(known: str, name: str) -> Json:
    """A call of a tool without its input."""
    return {"type": "tool_use", "id": known, "name": name, "input": {}, "caller": {"type": "direct"}}


def citation_fields(cited: Citation) -> Json:
    """A citation as one of a page on the web."""
    return {
        "type": "web_search_result_location",
        "url": cited.url,
        "title": cited.title,
        "encrypted_index": "",
        "cited_text": cited.cited_text,
    }


def thinking_block(part: Reasoning) -> Json:
    """The block of thoughts, or of those that only their provider can read."""
    signature = packed_signature(part)
    if part.is_redacted:
        return {"type": "redacted_thinking", "data": signature}
    return {"type": "thinking", "thinking": part.text, "signature": signature}


def packed_signature(part: Reasoning) -> str:
    """A signature for this dialect's field: Anthropic's own as it is, another one packed."""
    if not part.signature or part.origin in (NAME, ""):
        return part.signature
    return pack(Signature(part.origin, part.signature, id=part.id))


def signature_block(signature: str, origin: str) -> Json:
    """The block that holds the signature of the tool call after it."""
    return {"type": "redacted_thinking", "data": pack(Signature(origin, signature, signs_call=True))}
