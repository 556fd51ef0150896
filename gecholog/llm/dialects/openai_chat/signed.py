"""Reasoning with its signatures, and signed tool calls, as messages have them.

`thinking_blocks` are Anthropic's blocks beside the text of an assistant message, as LiteLLM introduced them;
`extra_content.google.thought_signature` is on tool calls of Gemini's endpoint for clients of OpenAI
(https://ai.google.dev/gemini-api/docs/thought-signatures). Signatures of other providers stand there with their name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gecholog.llm import signatures
from gecholog.llm.chat import Reasoning
from gecholog.llm.signatures import Signature

Json = dict[str, Any]

_ANTHROPIC = "anthropic"
_GEMINI = "gemini"


def call_signature(call: Json) -> Signature:
    """The signature of a tool call; its text is empty if there is none."""
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    text = google.get("thought_signature") if isinstance(google, dict) else None
    return signatures.unpack(text, _GEMINI) if isinstance(text, str) and text else Signature("", "")


def extra_content(signature: str, origin: str) -> Json:
    """The field of a tool call that holds its signature."""
    text = signature if origin == _GEMINI else signatures.pack(Signature(origin, signature, signs_call=True))
    return {"google": {"thought_signature": text}}


def read_block(block: Json) -> Reasoning:
    """A thinking block. What is no text in it counts as absent."""
    is_redacted = block.get("type") == "redacted_thinking"
    signature = signatures.unpack(_text(block, "data" if is_redacted else "signature"), _ANTHROPIC)
    origin = signature.origin if signature.text or signature.id else ""
    return Reasoning(_text(block, "thinking"), signature.text, origin, signature.id, is_redacted)


def write_blocks(thoughts: Iterable[Reasoning]) -> list[Json]:
    """Thinking blocks; none if no part of the reasoning is signed, for its text stands elsewhere as well."""
    listed = list(thoughts)
    is_signed = any(thought.signature or thought.id for thought in listed)
    return [write_block(thought) for thought in listed] if is_signed else []


def write_block(thought: Reasoning) -> Json:
    """A thinking block."""
    is_own = thought.origin in (_ANTHROPIC, "") and not thought.id
    text = thought.signature if is_own else signatures.pack(Signature(thought.origin, thought.signature, id=thought.id))
    if thought.is_redacted:
        return {"type": "redacted_thinking", "data": text}
    return {"type": "thinking", "thinking": thought.text, "signature": text}


def _text(fields: Json, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
