"""`/v1/completions`, the older form: a prompt (or several) in, text out."""

from __future__ import annotations

from typing import Any

from services.dummy import completion, fields, reply, texts, tokens, writing
from services.dummy.completion import Streaming
from services.dummy.fields import Body
from services.dummy.reply import Reply


def answer(body: Body, chunks: int) -> Reply:
    """The answer to a request for a completion. Raises Refusal."""
    begin = reply.head("cmpl", "text_completion", fields.text(body, "model"))
    prompts = texts.of(body, "prompt")
    streaming = Streaming.of(body)
    number = fields.whole(body, "n", most=completion.MOST_CHOICES) or 1
    wish = writing.wanted(body, chunks, "max_tokens")
    choices = [written for prompt in prompts for written in [writing.write(prompt, wish)] * number]
    usage = reply.usage(sum(map(tokens.count, prompts)), sum(choice.tokens for choice in choices))
    if streaming.on:
        return completion.streamed(begin, (), choices, _choice, usage if streaming.usage else None)
    listed = [_choice(index, choice.text, choice.finish_reason) for index, choice in enumerate(choices)]
    return reply.json_reply(begin | {"choices": listed, "usage": usage})


def _choice(index: int, text: Any, reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
