"""The name of the model in a request, read and replaced in its bytes. Pure."""

from __future__ import annotations

import orjson

from gecholog import lenient, rawjson
from gecholog.llm import splice
from gecholog.llm.request import members

_NAME = b'"model"'


def model_in(body: bytes) -> str | None:
    """The name in a JSON request; empty if it has none, or something else than a text. None if it is no JSON object."""
    found = members(body)
    if found is None:
        repaired = lenient.strict(body)
        found = None if repaired is None else members(repaired.data)
    if found is None:
        return None
    return _text(bytes(found.model))


def _text(written: bytes) -> str:
    try:
        value = orjson.loads(written) if written else ""
    except orjson.JSONDecodeError:
        return ""
    return value if isinstance(value, str) else ""


def with_model(body: bytes, model: str) -> bytes:
    """A JSON request, which names a model, with another name in its place; all other bytes stay.

    Of a request in UTF-16, or with a byte order mark, the text is sent in UTF-8.
    """
    if members(body) is None:
        body = lenient.in_utf8(body)
    old, new = _written(body), rawjson.dumps(model)
    if old == new or old is None:
        return body
    return splice.replaced(body, splice.Member(_NAME, _written), old, new, first=True)


def _written(body: bytes) -> bytes | None:
    """The name as it is written."""
    found = members(body)
    if found is None:
        repaired = lenient.strict(body)
        found = None if repaired is None else members(repaired.data)
    return None if found is None else bytes(found.model)
