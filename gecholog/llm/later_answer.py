"""Whether a request asks for an answer that is fetched later, by a request of its own. Pure.

The answer to such a request has no usage, and how often the later one is fetched is up to the client.
"""

from __future__ import annotations

from gecholog import lenient
from gecholog.llm.request_size import unescaped
from gecholog.llm.top_level import top_level

# OpenAI's and Gemini's name (Responses, Interactions), and that of xAI. Images have a background that is a word.
_NAMES = ("background", "deferred")
# Some servers take other types for a truth value (https://docs.pydantic.dev/latest/api/standard_library_types/#booleans).
_TRUE = frozenset({b"true", b"1", b"1.0", *(b'"%s"' % text for text in (b"true", b"1", b"t", b"y", b"yes", b"on"))})


def asks_for_later_answer(body: bytes) -> bool:
    """Tell whether the JSON object in `body` sets such a member. Other bodies do not."""
    text = unescaped(lenient.in_utf8(body))
    if b'"background"' not in text and b'"deferred"' not in text:  # most requests are not parsed
        return False
    members = top_level(text)
    return members is None or any(
        member.name in _NAMES and text[member.start : member.end].lower() in _TRUE for member in members
    )
