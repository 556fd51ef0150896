"""`/v1/chat/completions`: repeats the user's last message, or calls the tool that the request forces."""

from __future__ import annotations

from typing import Any

from services.dummy import completion, fields, generation, reply, tokens, tools
from services.dummy.completion import Streaming
from services.dummy.fields import JsonBody
from services.dummy.generation import GeneratedText
from services.dummy.reply import Reply
from services.dummy.tools import ToolCall

_CONTENT = (str, list, type(None))


def answer(body: JsonBody, chunks: int) -> Reply:
    """Return the reply to a chat completion request. Raises ApiError."""
    model = fields.text(body, "model")
    messages = _messages(body)
    streaming = Streaming.of(body)
    number = fields.whole(body, "n", most=completion.MOST_CHOICES) or 1
    limits = generation.text_limits(body, chunks, "max_completion_tokens", "max_tokens")
    words = _last_words(messages)
    prompt = sum(tokens.count(_content(message)) for message in messages)
    kind = "chat.completion.chunk" if streaming.on else "chat.completion"
    begin = reply.head("chatcmpl", kind, model)
    forced = tools.forced(body)
    if forced is not None:
        call = tools.call(forced, words, begin["id"])
        usage = reply.usage(prompt, number * tools.count(call))
        return reply.spent_on(_tool_calls(begin, [call] * number, usage, streaming), model, usage)
    choices = [generation.generate(words, limits)] * number
    usage = reply.usage(prompt, sum(choice.tokens for choice in choices))
    return reply.spent_on(_text_reply(begin, choices, usage, streaming), model, usage)


def _messages(body: JsonBody) -> list[JsonBody]:
    messages = fields.required(body, "messages")
    if not isinstance(messages, list) or not messages:
        raise fields.wrong("messages", "a list that is not empty")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise fields.wrong(f"messages[{index}]", "an object with a role")
        if not isinstance(message.get("content"), _CONTENT):
            raise fields.wrong(f"messages[{index}].content", "a string or a list of parts")
    return messages


def _content(message: JsonBody) -> str:
    """Return the text of a message. Parts such as images and audio have none."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _last_words(messages: list[JsonBody]) -> str:
    return next((_content(message) for message in reversed(messages) if message["role"] == "user"), "")


# ------------------------------------------------------------------- the reply


def _text_reply(
    begin: dict[str, Any], choices: list[GeneratedText], usage: dict[str, int], streaming: Streaming
) -> Reply:
    if streaming.on:
        opening = [_opening(index, {"content": ""}) for index in range(len(choices))]
        return completion.streamed(begin, opening, choices, _piece, usage if streaming.usage else None)
    messages = ({"content": choice.text} for choice in choices)
    reasons = (choice.finish_reason for choice in choices)
    return _whole(begin, list(zip(messages, reasons, strict=True)), usage)


def _tool_calls(begin: dict[str, Any], calls: list[ToolCall], usage: dict[str, int], streaming: Streaming) -> Reply:
    messages: list[dict[str, Any]] = [{"content": None, "tool_calls": [call]} for call in calls]
    if not streaming.on:
        return _whole(begin, [(message, "tool_calls") for message in messages], usage)
    # The opening contains the whole call, so no chunk follows.
    opening = [
        _opening(index, {"content": None, "tool_calls": [{"index": 0} | call]}) for index, call in enumerate(calls)
    ]
    ends = [GeneratedText("", (), 0, "tool_calls")] * len(calls)
    return completion.streamed(begin, opening, ends, _piece, usage if streaming.usage else None)


def _whole(begin: dict[str, Any], answers: list[tuple[dict[str, Any], str]], usage: dict[str, int]) -> Reply:
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "refusal": None, **message},
            "logprobs": None,
            "finish_reason": reason,
        }
        for index, (message, reason) in enumerate(answers)
    ]
    return reply.json_reply(begin | {"choices": choices, "usage": usage})


def _opening(index: int, delta: dict[str, Any]) -> dict[str, Any]:
    return {"index": index, "delta": {"role": "assistant"} | delta, "logprobs": None, "finish_reason": None}


def _piece(index: int, text: Any, reason: str | None) -> dict[str, Any]:
    delta = {} if reason else {"content": text}
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
