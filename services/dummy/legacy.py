"""`/v1/completions`, the legacy API: one prompt or several in, text out."""

from __future__ import annotations

from typing import Any

from services.dummy import completion, fields, generation, reply, text_input, tokens
from services.dummy.completion import Streaming
from services.dummy.fields import JsonBody
from services.dummy.reply import Reply


def answer(body: JsonBody, chunks: int) -> Reply:
    """Return the reply to a completion request. Raises ApiError."""
    begin = reply.head("cmpl", "text_completion", fields.text(body, "model"))
    prompts = text_input.of(body, "prompt")
    streaming = Streaming.of(body)
    number = fields.whole(body, "n", most=completion.MOST_CHOICES) or 1
    limits = generation.text_limits(body, chunks, "max_tokens")
    choices = [written for prompt in prompts for written in [generation.generate(prompt, limits)] * number]
    usage = reply.usage(sum(map(tokens.count, prompts)), sum(choice.tokens for choice in choices))
    if streaming.on:
        made: Reply = completion.streamed(begin, (), choices, _choice, usage if streaming.usage else None)
    else:
        listed = [_choice(index, choice.text, choice.finish_reason) for index, choice in enumerate(choices)]
        made = reply.json_reply(begin | {"choices": listed, "usage": usage})
    return reply.spent_on(made, begin["model"], usage)


def _choice(index: int, text: Any, reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
