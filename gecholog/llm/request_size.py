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

_LIMITS = tuple(
    f'"{name}"'.encode()
    for name in (
        "max_tokens",  # OpenAI, Anthropic, Mistral, Cohere
        "max_completion_tokens",
        "max_output_tokens",  # OpenAI's Responses
        "maxOutputTokens",  # Gemini
        "maxTokens",  # Bedrock
        "num_predict",  # Ollama
        "max_tokens_to_sample",
        "max_new_tokens",
    )
)
_CHOICES = (b'"n"', b'"candidateCount"', b'"num_generations"')
_NUMBER = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*([0-9]{1,15})")


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
    limits = _numbers(body, _LIMITS)
    choices = min(max(_numbers(body, _CHOICES), default=1), _MOST_CHOICES)
    return min(max(limits, default=default), _MOST) * max(1, choices)


def _is_encoded(piece: bytes) -> bool:
    return piece.isascii() and not any(mark in piece for mark in (b" ", b'"', b"\\"))


def _numbers(body: bytes, names: tuple[bytes, ...]) -> list[int]:
    """The numbers that members of these names have, wherever they are in the body."""
    found = []
    for name in names:
        at = body.find(name)
        while at >= 0:
            at += len(name)
            if (number := _NUMBER.match(body, at)) is not None:
                found.append(int(number[1]))
            at = body.find(name, at)
    return found
