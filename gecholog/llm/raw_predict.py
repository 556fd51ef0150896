"""Requests of Anthropic's Messages as Vertex AI takes them, changed in their bytes. Pure.

Two things differ there: the model is in the path and not in the body, and the body has the version of the API.
https://docs.claude.com/en/api/claude-on-vertex-ai
"""

from __future__ import annotations

import re

from gecholog.llm import splice
from gecholog.llm.top_level import top_level

VERSION_MEMBER = "anthropic_version"
VERSION = "vertex-2023-10-16"
_MODEL = "model"
_MEMBER = f'"{VERSION_MEMBER}":"{VERSION}"'.encode()
_COMMA = re.compile(rb"[ \t\r\n]*,")
_NAME_BEGINS = re.compile(rb"[ \t\r\n]*,?[ \t\r\n]*")


def for_raw_predict(body: bytes) -> bytes:
    """The request with the version in place of the model; all other bytes stay.

    A version that the client wrote stays as well. Without a model, or if it is no JSON object, the body is unchanged.
    """
    members = top_level(body)
    index = next((at for at, member in enumerate(members or ()) if member.name == _MODEL), None)
    if members is None or index is None:
        return body
    end = members[index].end
    begin = members[index - 1].end if index else body.index(b"{") + 1  # behind the previous member
    if not any(member.name == VERSION_MEMBER for member in members):
        return splice.spliced(body, _behind_comma(body, begin), _MEMBER, end)
    if index == 0 and (comma := _COMMA.match(body, end)) is not None:
        end = comma.end()
    return splice.spliced(body, begin, b"", end)


def _behind_comma(body: bytes, begin: int) -> int:
    """The place of the name of the member that follows on `begin`."""
    found = _NAME_BEGINS.match(body, begin)
    return begin if found is None else found.end()
