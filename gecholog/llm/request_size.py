"""How many tokens a request may use, from the bytes of its body in any dialect, without parsing it. Pure.

This is for reservations: it is made at each call, errs on the high side, and is corrected by the usage of the answer.
The size of an attached document or picture does not tell its tokens: for those the estimate is a rough mean.
"""

from __future__ import annotations

import re

import orjson

_BYTES_A_TOKEN = 3  # at least: of English it is four, of other scripts three
_BASE64_A_TOKEN = 40  # characters of an image, a document or sound
_PIECE = 4096  # bytes in which encoded data is told from text
# Members whose values are encoded data, or a URL with it: of OpenAI, Anthropic, Gemini, Vertex, Bedrock, Ollama, Cohere
# and Mistral. The last ones are what a provider has encrypted or signed.
_DATA = frozenset(
    (
        *(b"url", b"image_url", b"document_url", b"audio_url", b"video_url", b"file_data", b"data", b"bytes"),
        *(b"image", b"images", b"audio", b"input_audio", b"b64_json", b"result"),
        *(b"bytesBase64Encoded", b"bytes_base64_encoded"),
        *(b"encrypted_content", b"signature", b"thoughtSignature", b"thought_signature", b"redactedContent"),
    )
)
# What stands before a value, and between two values of a list of which the first ends in encoded data.
_NAME = re.compile(rb'"([A-Za-z0-9_]{1,32})"[ \t\r\n]*:[ \t\r\n]*(?:\[[ \t\r\n]*)?\Z')
_NEXT_IN_LIST = re.compile(rb'[A-Za-z0-9+/=_-]*"[ \t\r\n]*,[ \t\r\n]*\Z')
_MOST = 2**40
_MOST_CHOICES = 1024

# A number of choices (the first group is its name), or a limit: names of OpenAI, Anthropic, Mistral, Cohere, Gemini,
# Bedrock, Ollama and others. The number (the third group) may be a float or, after a quote (the second group), a text,
# because some servers accept those. Testing the first letter in advance makes the search three times faster.
_MEMBER = re.compile(
    rb'"(?=[bcmns])(?:(n|best_of|candidateCount|candidate_count|num_generations|sampleCount|numberOfImages)'
    rb"|max_(?:completion_|output_|new_)?tokens(?:_to_sample)?|maxOutputTokens|maxTokens|num_predict"
    rb'|maxTokenCount|max_gen_len)"'
    rb'[ \t\r\n]*:[ \t\r\n]*("?)([0-9][0-9.eE+]{0,23})'
)
_ESCAPE = b"\\u00"
_ESCAPED_LETTER = re.compile(rb"\\u00(?:[46][1-9a-fA-F]|[57][0-9aA]|5[fF])")  # no encoder escapes letters or "_"


def prompt_tokens(body: bytes) -> int:
    """The tokens of the prompt in a body. Long values without spaces may be encoded data, or lists of tokens."""
    size = len(body)
    if size <= _PIECE:
        return size // _BYTES_A_TOKEN + 1
    encoded = listed = data_end = 0
    is_unbroken = is_data = False
    for at in range(0, size, _PIECE):
        piece = body[at : at + _PIECE]
        if b"\0" in piece:  # of a file in a form
            is_unbroken, is_data = False, True
        elif not _is_unbroken(piece):
            is_unbroken = is_data = False
            continue
        elif piece.find(b",", piece.find(b",") + 1) > 0:  # a list, as there is one comma at most before encoded data
            is_unbroken = is_data = False
            listed += max(0, piece.count(b",") - len(piece) // _BYTES_A_TOKEN)
        elif not is_unbroken:  # the first whole piece of a value
            is_unbroken, is_data = True, _is_in_data(body, at, data_end)
        if is_data:
            encoded, data_end = encoded + len(piece), at + len(piece)
    return (size - encoded) // _BYTES_A_TOKEN + encoded // _BASE64_A_TOKEN + listed + 1


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


def _is_unbroken(piece: bytes) -> bool:
    """Whether a piece has nothing that separates texts: it is encoded data, a list of numbers, or a very long word."""
    return piece.isascii() and not any(mark in piece for mark in (b" ", b'"', b"\\"))


def _is_in_data(body: bytes, at: int, data_end: int) -> bool:
    """Whether the text at this place is the value of a member for encoded data. That ended last at `data_end`."""
    quote = body.rfind(b'"', 0, at)
    if quote < 0:
        return False
    if (name := _NAME.search(body, max(0, quote - 64), quote)) is not None:
        return name[1] in _DATA
    return 0 < data_end <= quote < data_end + _PIECE + 64 and _NEXT_IN_LIST.match(body, data_end, quote) is not None
