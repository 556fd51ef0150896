"""`/v1/chat/completions`: answers with text, or calls tools."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from services.dummy import completion, fields, generation, reply, tokens, tools, turn
from services.dummy.api_error import ApiError
from services.dummy.completion import Streaming
from services.dummy.fields import JsonBody
from services.dummy.generation import GeneratedText, TextLimits
from services.dummy.reply import Reply
from services.dummy.tools import ToolCall
from services.dummy.turn import Output, Turn

_CONTENT = (str, list, type(None))


def answer(body: JsonBody, chunks: int) -> Reply:
    """Return the reply to a chat completion request. Raises ApiError."""
    model = fields.text(body, "model")
    messages = _messages(body)
    streaming = Streaming.of(body)
    number = fields.whole(body, "n", most=completion.MOST_CHOICES) or 1
    limits = generation.text_limits(body, chunks, "max_completion_tokens", "max_tokens")
    prompt = sum(tokens.count(_content(message)) for message in messages)
    kind = "chat.completion.chunk" if streaming.on else "chat.completion"
    begin = reply.head("chatcmpl", kind, model)
    answered = turn.answer(_turn(body, messages, limits))
    usage = reply.usage(prompt, number * answered.tokens)
    if answered.calls:
        calls = [tools.call_of(use, f"{begin['id']}-{index}") for index, use in enumerate(answered.calls)]
        made = _tool_calls(begin, [calls] * number, usage, streaming)
    else:
        made = _text_reply(begin, [answered.text] * number, usage, streaming)
    return reply.spent_on(made, model, usage)


def _messages(body: JsonBody) -> list[JsonBody]:
    messages = fields.required(body, "messages")
    if not isinstance(messages, list) or not messages:
        raise fields.wrong("messages", "a list that is not empty")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise fields.wrong(f"messages[{index}]", "an object with a role")
        if not isinstance(message.get("content"), _CONTENT):
            raise fields.wrong(f"messages[{index}].content", "a string or a list of parts")
    _check_results(messages)
    return messages


def _check_results(messages: list[JsonBody]) -> None:
    """Each call of a tool needs its result right behind it, and each result its call."""
    missing: list[Any] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if message.get("tool_call_id") not in missing:
                problem = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                raise ApiError(problem, param=f"messages.[{index}].role")
            missing.remove(message["tool_call_id"])
            continue
        _check_answered(missing, index)
        missing = [call.get("id") for call in _calls(message)]
    _check_answered(missing, len(messages))


def _check_answered(missing: list[Any], index: int) -> None:
    if missing:
        ids = ", ".join(map(str, missing))
        raise ApiError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {ids}",
            param=f"messages.[{index}].role",
        )


def _content(message: JsonBody) -> str:
    """Return the text of a message. Parts such as images and audio have none."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _calls(message: JsonBody) -> list[JsonBody]:
    """Return the calls of tools in a message of the assistant."""
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _turn(body: JsonBody, messages: list[JsonBody], limits: TextLimits) -> Turn:
    last = max((index for index, message in enumerate(messages) if message["role"] == "user"), default=-1)
    since = messages[last + 1 :]
    results = list(takewhile(lambda message: message["role"] == "tool", reversed(messages)))
    functions = [call.get("function") for message in since for call in _calls(message)]
    return Turn(
        words=_content(messages[last]) if last >= 0 else "",
        results=tuple(_content(message) for message in reversed(results)),
        called=tuple(str(function.get("name")) for function in functions if isinstance(function, dict)),
        tools=tools.allowed(body),
        must_call=tools.forced(body) is not None,
        one_by_one=body.get("parallel_tool_calls") is False,
        output=_output(body.get("response_format")),
        limits=limits,
    )


def _output(form: Any) -> Output:
    match form:
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return Output(is_json=True, schema=schema)
        case {"type": "json_object" | "json_schema"}:
            return Output(is_json=True)
    return Output()


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


def _tool_calls(
    begin: dict[str, Any], choices: list[list[ToolCall]], usage: dict[str, int], streaming: Streaming
) -> Reply:
    messages: list[dict[str, Any]] = [{"content": None, "tool_calls": calls} for calls in choices]
    if not streaming.on:
        return _whole(begin, [(message, "tool_calls") for message in messages], usage)
    # The opening contains whole calls, so no chunk follows.
    opening = []
    for index, calls in enumerate(choices):
        numbered = [{"index": number} | call for number, call in enumerate(calls)]
        opening.append(_opening(index, {"content": None, "tool_calls": numbered}))
    ends = [GeneratedText("", (), 0, "tool_calls")] * len(choices)
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
