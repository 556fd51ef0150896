"""Requests the token usage of an OpenAI stream: `stream_options.include_usage`."""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache
from urllib.parse import unquote

import msgspec

from gecholog import lenient
from gecholog.llm import splice
from gecholog.llm.request import RequestMembers, is_true, members

_ASK = b'"include_usage":true'
_NAME = b'"stream_options"'
_SPACE = b" \t\r\n"
# The values with which servers take usage for not asked: those that pydantic reads leniently are vLLM's, among others.
_NO = frozenset({b"false", b"null", b"0", b"0.0", b'"false"', b'"0"', b'"f"', b'"no"', b'"n"', b'"off"'})
_NOT_ASKED = re.compile(rb'"include_usage"[ \t\r\n]*:[ \t\r\n]*(false|null|0(?:\.0)?|"\w+")')
_CHAT = ("chat", "completions")
# Mistral's paths: agents and fill-in-the-middle. Its API refuses `include_usage` with 422, and tells usage unasked.
_NOT_LEGACY = frozenset({"agents", "fim", "chat"})
_REFUSING = "mistral.ai"
_LONGEST_KEPT = 128  # characters; clients must not fill the memory through a cache


class _Options(msgspec.Struct, gc=False):
    include_usage: msgspec.Raw = msgspec.Raw()


_options = msgspec.json.Decoder(_Options).decode


def accepts_include_usage(host: str, path: str, headers: Container[str]) -> bool:
    """Tell whether an upstream supports it: by the path of OpenAI's chat completions or legacy completions.

    `path` is the one that goes to the target, `headers` holds canonical names. The same bodies go to other APIs, which
    refuse what they do not know: Anthropic's Messages, Ollama's `/api/chat`, Cohere's `/v2/chat`.
    """
    kind = _kept_kind(path) if len(path) <= _LONGEST_KEPT else _kind(path)
    if kind is None or "Anthropic-Version" in headers:
        return False
    return host != _REFUSING and not host.endswith("." + _REFUSING)


def _kind(path: str) -> str | None:
    """The member that a request to this path has: `messages` or `prompt`; None for any other path.

    The path is read as servers read it that decode, that merge slashes, and that drop parameters behind `;`: another
    way to write a path must not be a way around a token cap.
    """
    decoded = unquote(path) if "%" in path else path
    segments = [segment.partition(";")[0] for segment in decoded.lower().split("/")]
    *_, before, last = ("", "", *filter(None, segments))
    if last != "completions":
        return None
    if before == _CHAT[0]:
        return "messages"
    return None if before in _NOT_LEGACY else "prompt"


_kept_kind = lru_cache(maxsize=64)(_kind)  # most requests have one of a few paths


def usage_request(body: bytes, path: str) -> bytes | None:
    """Set `stream_options.include_usage` in `body`; None if nothing has to change.

    Changed is the request for a stream of chat completions (`messages`) or legacy completions (`prompt`) that does not
    ask for usage already. All other bytes stay as they are; of UTF-16 and of a byte order mark the text is sent in
    UTF-8. None as well for what is no such request, or one that upstream will refuse: `stream_options` that is no
    object, `include_usage` that is no truth value, and Azure's `data_sources`, with which `stream_options` are not
    allowed.
    """
    request, body = _read(body)
    if request is None or not is_true(bytes(request.stream)) or not _is_of(request, path):
        return None
    if not request.stream_options:
        return splice.appended(body, _NAME, b"{" + _ASK + b"}")
    options = bytes(request.stream_options)
    changed = _with_include_usage(options)
    return None if changed is None else splice.replaced(body, splice.Member(_NAME, _options_of), options, changed)


def _read(body: bytes) -> tuple[RequestMembers | None, bytes]:
    """The members of a request, also of one that is a little off (`gecholog.lenient`), and the request in UTF-8.

    Servers written in Python take such requests.
    """
    found = members(body)
    if found is not None:
        return found, body
    body = lenient.in_utf8(body)
    repaired = lenient.strict(body)
    return (None if repaired is None else members(repaired.data)), body


def _is_of(request: RequestMembers, path: str) -> bool:
    needed = _kind(path)
    return needed is not None and bool(getattr(request, needed)) and not request.data_sources


def _with_include_usage(options: bytes) -> bytes | None:
    """The value of `stream_options` with `include_usage`; None if it has it already, or cannot have it."""
    if options == b"null":
        return b"{" + _ASK + b"}"
    if not options.startswith(b"{"):
        return None
    asked = _included(options)
    if not asked:
        return b"{" + _ASK + (b"" if options[1:].lstrip(_SPACE) == b"}" else b",") + options[1:]
    if asked.lower() not in _NO:
        return None
    changes = (options[: no.start(1)] + b"true" + options[no.end(1) :] for no in _NOT_ASKED.finditer(options))
    behind = options[:-1] + b"," + _ASK + b"}"  # of a name that is written with escapes
    return next((changed for changed in changes if _included(changed) == b"true"), behind)


def _included(options: bytes) -> bytes:
    return bytes(_options(options).include_usage)


def _options_of(body: bytes) -> bytes | None:
    """The value of `stream_options`, as it is written."""
    found = _read(body)[0]
    return None if found is None else bytes(found.stream_options)
