"""Whether someone who may not see the secrets in a file writes one. Pure.

Nobody could type a guess of a hidden secret without being told whether it is right: a draft with the right one is the
deployed file, and sends nothing to a new place. So who may not see the secrets of a file keeps or removes them, and
uses variables and the secret store for others. What is refused does not depend on any value that is hidden.
"""

from __future__ import annotations

from collections.abc import Iterable

from gecholog.schema import Schema
from services.gui.drafts.json_document import Document
from services.gui.drafts.schema_path import subschema
from services.gui.drafts.secret_values import is_literal_secret, secrets_in

REFUSAL = "the file holds secrets that your role may not see, so you cannot write others into it: use ${NAME} instead"

_VALUE = "f:"


def writes_secret(before: Document, after: Document, schema: Schema, posted: Iterable[tuple[str, str]] = ()) -> bool:
    """Tell whether a secret in `after` was typed, or is not where it was in `before`.

    `posted` are the fields of a form; typing the same secret again is writing one.
    """
    typed = (
        (name.removeprefix(_VALUE), text.replace("\r\n", "\n")) for name, text in posted if name.startswith(_VALUE)
    )
    if any(is_literal_secret(subschema(schema, pointer), pointer, text) for pointer, text in typed):
        return True
    kept = set(secrets_in(before, schema))
    return any(
        pointer not in kept or _value(before, pointer) != _value(after, pointer)
        for pointer in secrets_in(after, schema)
    )


def _value(document: Document, pointer: str) -> object:
    node = document.find(pointer)
    return None if node is None else document.value(node)
