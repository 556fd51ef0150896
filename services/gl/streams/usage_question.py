"""The question for token usage in the request for an OpenAI stream: `stream_options.include_usage`."""

from __future__ import annotations

import json

from gecholog import rawjson

_ASK = '"include_usage":true'
_SPACE = " \t\r\n"
# numbers stay text: int() refuses more than 4,300 digits
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def usage_request(body: bytes) -> bytes | None:
    """`body` with `stream_options.include_usage` true; None if nothing is to be changed.

    Changed is the request for a stream of chat completions (`messages`) or legacy completions (`prompt`) that does not
    ask for usage already. All other bytes stay as they are. None as well for what is no such request, or one that
    upstream will refuse: `stream_options` that is no object, `include_usage` that is no truth value.
    """
    if not (body.lstrip(_SPACE.encode()).startswith(b"{") and rawjson.is_json(body)):
        return None
    text = body.decode()
    try:
        changed = _with_question(text)
    except RecursionError:
        return None
    return None if changed is None else changed.encode()


def _with_question(text: str) -> str | None:
    request = _members(text, 0)
    if not _is(text, request.get("stream"), "true") or not request.keys() & {"messages", "prompt"}:
        return None
    options = request.get("stream_options")
    if options is None:
        end = len(text.rstrip(_SPACE)) - 1
        return _inserted(text, len(text[:end].rstrip(_SPACE)), f',"stream_options":{{{_ASK}}}')
    if _is(text, options, "null"):
        return text[: options.start] + f"{{{_ASK}}}" + text[options.stop :]
    return _asking(text, options) if text[options.start] == "{" else None


def _asking(text: str, options: slice) -> str | None:
    """`text` with the question in the options that are there."""
    members = _members(text, options.start)
    asked = members.get("include_usage")
    if asked is None:
        return _inserted(text, options.start + 1, _ASK + "," if members else _ASK)
    if _is(text, asked, "false") or _is(text, asked, "null"):
        return text[: asked.start] + "true" + text[asked.stop :]
    return None


def _is(text: str, value: slice | None, literal: str) -> bool:
    return value is not None and text[value] == literal


def _inserted(text: str, at: int, more: str) -> str:
    return text[:at] + more + text[at:]


def _members(text: str, at: int) -> dict[str, slice]:
    """Where the values of the JSON object stand that begins at a place. Of a name that comes twice, the last counts."""
    members = {}
    at = _past_space(text, _past_space(text, at) + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, _past_space(text, at))
        start = _past_space(text, _past_space(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        members[name] = slice(start, end)
        at = _past_space(text, end)
        if text[at] == ",":
            at += 1
    return members


def _past_space(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at
