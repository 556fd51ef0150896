"""Reads the answer of a provider that speaks chat completions, and what many send beside OpenAI's form."""

from __future__ import annotations

from gecholog.llm import tool_arguments
from gecholog.llm.chat import ChatResponse, Choice, Part, Reasoning, Refusal, Text, ToolCall
from gecholog.llm.dialects.openai_chat import message_parts, signed
from gecholog.llm.dialects.openai_chat.finish_reasons import read_reason
from gecholog.llm.dialects.openai_chat.message_parts import Json, objects, text_in
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.usage import usage_of


def read_response(body: Json) -> ChatResponse:
    """The answer in its neutral form. Raises InvalidResponseError."""
    choices = objects(body.get("choices"))
    if not choices:
        raise InvalidResponseError("a chat completion without choices")
    created = body.get("created")
    return ChatResponse(
        choices=tuple(_choice(choice) for choice in choices),
        id=text_in(body, "id"),
        model=text_in(body, "model"),
        created=created if type(created) is int and created > 0 else None,
        usage=usage_of(body),
        service_tier=text_in(body, "service_tier"),
    )


def _choice(choice: Json) -> Choice:
    message = choice.get("message")
    parts = _parts(message) if isinstance(message, dict) else ()
    finish = read_reason(
        choice.get("finish_reason") or _finish_details(choice),
        has_calls=any(isinstance(part, ToolCall) for part in parts),
        has_refusal=any(isinstance(part, Refusal) for part in parts),
    )
    return Choice(parts, finish.reason, native_reason=finish.native)


def _finish_details(choice: Json) -> str:
    """The reason as models for vision of 2023 told it."""
    details = choice.get("finish_details")
    return text_in(details, "type") if isinstance(details, dict) else ""


def _parts(message: Json) -> tuple[Part, ...]:
    parts: list[Part] = []
    blocks = [signed.read_block(block) for block in objects(message.get("thinking_blocks"))]
    blocks += [found for one in objects(message.get("reasoning_details")) if (found := signed.read_detail(one))]
    reasoning = message_parts.reasoning_text(message)
    if reasoning and not any(block.text for block in blocks):
        parts.append(Reasoning(reasoning))
    parts += blocks
    text = message_parts.content_text(message)
    audio = message.get("audio")
    if not text and isinstance(audio, dict):
        text = text_in(audio, "transcript")
    if text:
        parts.append(Text(text, citations=message_parts.citations(message)))
    parts += message_parts.images(message)
    if refusal := message_parts.refusal_text(message):
        parts.append(Refusal(refusal))
    return (*parts, *_calls(message))


def _calls(message: Json) -> list[ToolCall]:
    """The tool calls. One without a name is the filling of an unused place (Snowflake)."""
    calls: list[ToolCall] = []
    for call in objects(message.get("tool_calls")):
        function = call.get("function")
        custom = call.get("custom")
        if isinstance(function, dict) and text_in(function, "name"):
            signature = signed.call_signature(call)
            arguments = _arguments(function)
            calls.append(ToolCall(text_in(call, "id"), function["name"], arguments, signature.text, signature.origin))
        elif isinstance(custom, dict) and text_in(custom, "name"):
            written = tool_arguments.as_text({"input": text_in(custom, "input")})
            calls.append(ToolCall(text_in(call, "id"), custom["name"], written))
    legacy = message.get("function_call")
    if isinstance(legacy, dict) and text_in(legacy, "name"):
        calls.append(ToolCall("", legacy["name"], _arguments(legacy)))
    return calls


def _arguments(function: Json) -> str:
    """The arguments as text; none, and Groq's `null` for tools without any, are an empty object."""
    text = tool_arguments.as_text(function.get("arguments"))
    return "{}" if text.strip() in ("", "null") else text
