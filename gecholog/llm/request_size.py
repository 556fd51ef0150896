"""How many tokens a request may use, from the bytes of its body in any dialect, without parsing it. Pure.

This is for reservations: it is made at each call, errs on the high side, and is corrected by the usage of the answer.
"""

from __future__ import annotations

import re

import orjson

_BYTES_A_TOKEN = 3  # at least: of English it is four, of other scripts three
_BASE64_A_TOKEN = 40  # characters of an image, a document or sound
_PIECE = 4096  # bytes in which encoded data is told from text
_MOST = 2**40
_MOST_CHOICES = 1024

# A number of choices (the first group is its name), or a limit: names of OpenAI, Anthropic, Mistral, Cohere, Gemini,
# Bedrock, Ollama and others. The number (the third group) may be a float or, after a quote (the second group), a text,
# because some servers accept those. Testing the first letter in advance makes the search three times faster.
_MEMBER = re.compile(
    rb'"(?=[bcmns])(?:(n|best_of|candidateCount|candidate_count|num_generations|sampleCount)'
    rb'|max_(?:completion_|output_|new_)?tokens(?:_to_sample)?|maxOutputTokens|maxTokens|num_predict)"'
    rb'[ \t\r\n]*:[ \t\r\n]*("?)([0-9][0-9.eE+]{0,23})'
)
_ESCAPE = b"\\u00"
_ESCAPED_LETTER = re.compile(rb"\\u00(?:[46][1-9a-fA-F]|[57][0-9aA]|5[fF])")  # no encoder escapes letters or "_"


def prompt_tokens(body: bytes) -> int:
    """The tokens of the prompt in a body. Long texts without spaces are taken for encoded data."""
    size = len(body)
    if size <= _PIECE:
        return size // _BYTES_A_TOKEN + 1
    encoded = sum(len(piece) for at in range(0, size, _PIECE) if _is_encoded(piece := body[at : at + _PIECE]))
    return (size - encoded) // _BYTES_A_TOKEN + encoded // _BASE64_A_TOKEN + 1


def output_tokens(body: bytes, default: int) -> int:
    """The tokens that the answers to a request may have at most; `default` for each if it sets no limit.

    Of several limits the highest counts, wherever they are in the body: which one the provider obeys is not known.
    """
    limit: int | None = None
    asked = 1
    for is_choices, quote, text in _MEMBER.findall(unescaped(body)):
        number = _number(text)
        if is_choices:
            asked = max(asked, number)
        elif quote:  # a server may also ignore it
            limit = max(limit or 0, number, default)
        elif limit is None or number > limit:
            limit = number
    return min(default if limit is None else limit, _MOST) * min(asked, _MOST_CHOICES)


def choices(body: bytes) -> int:
    """How many answers, or images, a request may have."""
    asked = (_number(text) for is_choices, _, text in _MEMBER.findall(unescaped(body)) if is_choices)
    return min(max(asked, default=1), _MOST_CHOICES) or 1


def unescaped(body: bytes) -> bytes:
    """A body without escapes that could hide the name of a member; the same object if it has none."""
    if body.find(_ESCAPE) >= 0 and _ESCAPED_LETTER.search(body):
        try:
            return orjson.dumps(orjson.loads(memoryview(body)))
        except orjson.JSONDecodeError:  # it may still be JSON for a server that is less strict
            return _ESCAPED_LETTER.sub(lambda found: bytes.fromhex(found[0][-2:].decode()), body)
    return body


def _number(text: bytes) -> int:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return _MOST


def _is_encoded(piece: bytes) -> bool:
    if b"\0" in piece:  # of a file in a form
        return True
    return piece.isascii() and not any(mark in piece for mark in (b" ", b'"', b"\\"))
