"""How many tokens a request may use, from the bytes of its body in any dialect, without parsing it. Pure.

This is for reservations: it is made at each call, errs on the high side, and is corrected by the usage of the answer.
"""

from __future__ import annotations

import re

_BYTES_A_TOKEN = 3  # at least: of English it is four, of other scripts three
_BASE64_A_TOKEN = 40  # characters of an image, a document or sound
_PIECE = 4096  # bytes in which encoded data is told from text
_SEARCHED = 64 * 1024  # bytes at either end of a body that are searched for limits
_MOST = 2**40
_MOST_CHOICES = 1024

# Names of the limit: OpenAI's, Anthropic's, Mistral's and Cohere's, Gemini's, Bedrock's, Ollama's, those of others.
_LIMIT = re.compile(
    rb'"(?:max_(?:completion_|output_|new_)?tokens(?:_to_sample)?|maxOutputTokens|maxTokens|num_predict)"'
    rb"[ \t\r\n]*:[ \t\r\n]*([0-9]{1,15})"
)
_CHOICES = re.compile(rb'"(?:n|candidateCount|num_generations)"[ \t\r\n]*:[ \t\r\n]*([0-9]{1,15})')
# How these names begin. Finding that is many times faster than a search with the pattern.
_LIMIT_STARTS = (b'"max', b'"num_predict"')
_CHOICE_STARTS = (b'"n"', b'"candidateCount"', b'"num_generations"')


def prompt_tokens(body: bytes) -> int:
    """The tokens of the prompt in a body. Long texts without spaces are taken for encoded data."""
    size = len(body)
    if size <= _PIECE:
        return size // _BYTES_A_TOKEN + 1
    encoded = sum(len(piece) for at in range(0, size, _PIECE) if _is_encoded(piece := body[at : at + _PIECE]))
    return (size - encoded) // _BYTES_A_TOKEN + encoded // _BASE64_A_TOKEN + 1


def output_tokens(body: bytes, default: int) -> int:
    """The tokens that the answers to a request may have at most; `default` for each if it sets no limit.

    Of several limits the highest counts: which one the provider obeys is not known.
    """
    if len(body) > 2 * _SEARCHED:
        body = body[:_SEARCHED] + b" " + body[-_SEARCHED:]
    limit = _highest(body, _LIMIT, _LIMIT_STARTS)
    limit = default if limit is None else min(limit, _MOST)
    choices = _highest(body, _CHOICES, _CHOICE_STARTS)
    return limit * min(choices, _MOST_CHOICES) if choices else limit


def _is_encoded(piece: bytes) -> bool:
    if b"\0" in piece:  # of a file in a form
        return True
    return piece.isascii() and not any(mark in piece for mark in (b" ", b'"', b"\\"))


def _highest(body: bytes, pattern: re.Pattern[bytes], starts: tuple[bytes, ...]) -> int | None:
    """The highest number that a member with these names has, wherever it is in the body; None if there is none."""
    highest: int | None = None
    for start in starts:
        at = body.find(start)
        while at >= 0:
            if (match := pattern.match(body, at)) is not None and (highest is None or int(match[1]) > highest):
                highest = int(match[1])
            at = body.find(start, at + 1)
    return highest
