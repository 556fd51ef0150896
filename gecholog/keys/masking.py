r"""Masks in place of client keys in texts and bodies. Pure.

A key is found as it is, in JSON whose characters are escaped (`\u0073k-gl-…`), in UTF-16 and UTF-32, and in text that
is percent-encoded up to three times. It is not found in what hides it on purpose: base64, a body that stays compressed,
or pieces that a reader puts together.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from gecholog.headers import MASK
from gecholog.keys.credential import ID_LENGTH, PREFIX, SECRET_LENGTH

# A text in which a key may be cut off or wrong is masked as well.
_LIKE_A_KEY = re.compile(rf"{PREFIX}[A-Za-z0-9_-]+")
_MOST_DECODED = 3  # times

LONGEST_KEY = 6 * (len(PREFIX) + ID_LENGTH + 1 + SECRET_LENGTH)
"""Bytes of a key in a body, all of whose characters are escaped."""


def masked(text: str) -> str:
    """`text` with a mask in place of everything that begins like a client key."""
    return _LIKE_A_KEY.sub(MASK, text) if PREFIX in text else text


def hides_key(text: str) -> bool:
    """Whether something in a text begins like a client key, also after the text is percent-decoded."""
    return PREFIX in _decoded(text)


def masked_encoded(text: str) -> str | None:
    """A percent-encoded text, decoded, with masks; None if it has no client key."""
    decoded = _decoded(text)
    return masked(decoded) if PREFIX in decoded else None


def _decoded(text: str) -> str:
    """A text, decoded until a key begins in it."""
    for _ in range(_MOST_DECODED):
        if PREFIX in text or "%" not in text:
            break
        text = unquote(text)
    return text


# ------------------------------------------------------------------ bodies


def _each(characters: str, form: str) -> str:
    """A pattern for each of these characters in one of the forms: `{}` is the character as a pattern."""
    return "".join(form.format(re.escape(one), f"{ord(one):02x}") for one in characters)


def _whole_key(form: str) -> re.Pattern[bytes]:
    """A pattern for a complete key, whose characters are written in a form."""
    classes = (("[a-z0-9]", ID_LENGTH), ("-", 1), ("[A-Za-z0-9_-]", SECRET_LENGTH))
    rest = "".join(f"(?:{form.format(one, '[0-9a-fA-F]{2}')}){{{count}}}" for one, count in classes)
    return re.compile((_each(PREFIX, form) + rest).encode())


class _Form(NamedTuple):
    """How keys are written in bodies. A body without the `signs`, of which the first is found fast, has none."""

    signs: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    mask: bytes


# Five bytes of the six: Python's search for six or more takes several times longer in large data.
_SIGN = PREFIX.encode()[:5]
_FORMS = (
    _Form((_SIGN,), _whole_key("{0}"), MASK.encode()),
    _Form((b"\\", b"\\u00"), _whole_key(r"(?:{0}|\\u00(?i:{1}))"), MASK.encode()),
    _Form((b"\0", PREFIX.encode("utf-16-le")), _whole_key(r"{0}\x00"), MASK.encode("utf-16-le")),
    _Form((b"\0", PREFIX.encode("utf-16-be")), _whole_key(r"\x00{0}"), MASK.encode("utf-16-be")),
    _Form((b"\0", PREFIX.encode("utf-32-le")), _whole_key(r"{0}\x00{{3}}"), MASK.encode("utf-32-le")),
    _Form((b"\0", PREFIX.encode("utf-32-be")), _whole_key(r"\x00{{3}}{0}"), MASK.encode("utf-32-be")),
)


def masked_bytes(data: bytes) -> bytes:
    """`data` with a mask in place of each complete client key; the same object if it has none.

    A body is searched for complete keys only, because a text about keys must reach its model unchanged.
    """
    # None of the forms. Not `in`: for bytes, it raises an error and drops it before it searches. In a body of 1 KB that
    # takes as long as the search.
    if data.find(_SIGN) < 0 and data.find(b"\\") < 0 and data.find(b"\0") < 0:
        return data
    for signs, pattern, mask in _FORMS:
        if all(sign in data for sign in signs):
            data = pattern.sub(mask, data)
    return data


def has_key(data: bytes, begin: int, end: int) -> bool:
    """Whether a part of a body has a complete client key."""
    return any(
        all(data.find(sign, begin, end) >= 0 for sign in signs) and pattern.search(data, begin, end) is not None
        for signs, pattern, _ in _FORMS
    )
