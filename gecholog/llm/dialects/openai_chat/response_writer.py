"""Writes an answer as a chat completion (https://platform.openai.com/docs/api-reference/chat/object)."""

from __future__ import annotations

from gecholog.llm.chat import ChatResponse, Choice, Image, Part, Reasoning, Refusal, Text, ToolCall
from gecholog.llm.chat_dialect import ReplyContext
from gecholog.llm.dialects.openai_chat import message_parts, signed
from gecholog.llm.dialects.openai_chat.finish_reasons import NATIVE, write_reason
from gecholog.llm.dialects.openai_chat.legacy import FINISH, wants_functions, with_function_call
from gecholog.llm.dialects.openai_chat.message_parts import Json
from gecholog.llm.dialects.openai_chat.usage_writer import write_usage
from gecholog.llm.dialects.openai_chat.variants import SERVICE_TIERS


def write_response(response: ChatResponse, context: ReplyContext) -> Json:
    """The answer as JSON."""
    body: Json = {
        "id": response.id or f"chatcmpl-{context.id}",
        "object": "chat.completion",
        "created": context.created if response.created is None else response.created,
        "model": response.model or context.model,
        "choices": [_choice(index, choice, context) for index, choice in enumerate(response.choices)],
    }
    if response.usage is not None:
        body["usage"] = write_usage(response.usage)
    if response.service_tier in SERVICE_TIERS:
        body["service_tier"] = response.service_tier
    return body


def _choice(index: int, choice: Choice, context: ReplyContext) -> Json:
    message = _message(choice.parts, f"call_{context.id}_{index}_")
    reason = write_reason(
        choice.finish_reason,
        has_calls="tool_calls" in message,
        has_refusal=message["refusal"] is not None,
    )
    if wants_functions(context):
        message, reason = with_function_call(message), FINISH if reason == "tool_calls" else reason
    written: Json = {"index": index, "message": message, "logprobs": None, "finish_reason": reason}
    return written | ({NATIVE: choice.native_reason} if choice.native_reason else {})


def _message(parts: tuple[Part, ...], call_id: str) -> Json:
    """The message. `call_id` is what ids of tool calls begin with where the provider has none."""
    message: Json = {"role": "assistant", "content": None, "refusal": None}
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    if reasoning := "".join(thought.text for thought in thoughts):
        message["reasoning_content"] = reasoning
    if blocks := signed.write_blocks(thoughts):
        message["thinking_blocks"] = blocks
    _write_text(message, [part for part in parts if isinstance(part, Text)])
    if refusals := [part.text for part in parts if isinstance(part, Refusal)]:
        message["refusal"] = "".join(refusals)
    if images := [message_parts.image(part) for part in parts if isinstance(part, Image)]:
        message["images"] = images
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = [_call(call, f"{call_id}{number}") for number, call in enumerate(calls)]
    elif message["content"] is None and message["refusal"] is None:
        message["content"] = ""
    return message


def _write_text(message: Json, texts: list[Text]) -> None:
    """All texts as one; places of citations are counted from its beginning."""
    if not texts:
        return
    message["content"] = "".join(text.text for text in texts)
    annotations: list[Json] = []
    offset = 0
    for text in texts:
        annotations += [message_parts.annotation(citation, offset, len(text.text)) for citation in text.citations]
        offset += len(text.text)
    if annotations:
        message["annotations"] = annotations


def _call(call: ToolCall, minted: str) -> Json:
    written: Json = {
        "id": call.id or minted,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments if call.arguments.strip() else "{}"},
    }
    if call.signature:
        written["extra_content"] = signed.extra_content(call.signature, call.origin)
    return written
