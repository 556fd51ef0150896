"""Signatures of one provider in a field that is meant for those of another. Pure.

Claude signs its thinking, Gemini its thoughts and calls, OpenAI encrypts its reasoning. Each wants its own back on the
next turn, through clients that have a field for one kind only. `pack` writes the provider into the text, `unpack` reads
it again.
"""

from __future__ import annotations

from typing import NamedTuple

_PREFIX = "gecholog."
_SEPARATOR = ":"
_CALL, _REASONING, _REDACTED = "call", "reasoning", "redacted"


class Signature(NamedTuple):
    """A signature, and the dialect that it is of.

    `signs_call`: it signs a tool call, not reasoning. `is_redacted`: it is all that there is of the reasoning. `id` may
    be empty.
    """

    origin: str
    text: str
    signs_call: bool = False
    id: str = ""
    is_redacted: bool = False


def pack(signature: Signature) -> str:
    """A signature as one text: `gecholog.gemini:call:ID:TEXT`."""
    kind = _CALL if signature.signs_call else _REDACTED if signature.is_redacted else _REASONING
    return _PREFIX + _SEPARATOR.join((signature.origin, kind, signature.id, signature.text))


def unpack(text: str, own: str) -> Signature:
    """The signature in a text; one that `pack` has not written is of the dialect `own`."""
    if not text.startswith(_PREFIX):
        return Signature(own, text)
    origin, _, rest = text.removeprefix(_PREFIX).partition(_SEPARATOR)
    kind, _, rest = rest.partition(_SEPARATOR)
    known, _, signed = rest.partition(_SEPARATOR)
    return Signature(origin, signed, kind == _CALL, known, kind == _REDACTED)
