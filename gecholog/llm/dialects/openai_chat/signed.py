"""Reasoning with its signatures, and signed tool calls, as messages have them.

`thinking_blocks` are Anthropic's blocks beside the text of an assistant message, as LiteLLM introduced them;
`extra_content.google.thought_signature` is on tool calls of Gemini's endpoint for clients of OpenAI
(https://ai.google.dev/gemini-api/docs/thought-signatures). Signatures of other providers stand there with their name.
`reasoning_details` are OpenRouter's, which wants them back as they were
(https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gecholog.errors import NotJson
from gecholog.llm import json_text, signatures
from gecholog.llm.chat import Reasoning
from gecholog.llm.signatures import Signature

Json = dict[str, Any]

_ANTHROPIC = "anthropic"
_GEMINI = "gemini"
_OPENROUTER = "openrouter"
_TEXTS = {"reasoning.text": "text", "reasoning.summary": "summary"}


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


def read_detail(detail: Json) -> Reasoning | None:
    """One of OpenRouter's details; its signature holds all but its text. None if there is nothing to prove in it."""
    if not (_text(detail, "signature") or _text(detail, "data")):
        return None
    kept = {name: value for name, value in detail.items() if name not in _TEXTS.values()}
    text = _text(detail, _TEXTS.get(_text(detail, "type"), ""))
    return Reasoning(text, json_text.dumps(kept).decode(), _OPENROUTER, is_redacted="data" in kept)


def write_details(thoughts: Iterable[Reasoning]) -> list[Json]:
    """OpenRouter's details of the reasoning that came from there."""
    found = []
    for thought in thoughts:
        detail = _loaded(thought.signature) if thought.origin == _OPENROUTER else None
        if detail is not None:
            name = _TEXTS.get(_text(detail, "type"))
            found.append(detail | ({name: thought.text} if name else {}))
    return found


def _loaded(signature: str) -> Json | None:
    try:
        value = json_text.loads(signature)
    except NotJson:
        return None
    return value if isinstance(value, dict) else None


def _text(fields: Json, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
