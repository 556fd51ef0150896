"""Which strings of a config are secrets, and the text without them. Pure.

A secret is a literal: `${NAME}` shows nothing, and neither does a `regex:` that takes any value.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from gecholog import environment
from gecholog.schema import Schema
from services.gui.drafts.json_document import Document, steps
from services.gui.drafts.json_edit import set_value
from services.gui.drafts.schema_path import subschema

HIDDEN = "••••••"
"""What stands in place of a secret in a text for people who may not see it."""

_SECRET_NAME = re.compile(r"(?i)authorization|api[-_]?key|token|secret|passw|cookie|credential")
_BARE_VARIABLE = re.compile(r"(Bearer |Basic )?(\$\{[^}]*\}|\$\w+)*", re.ASCII)


def is_secret_field(schema: Schema, pointer: str) -> bool:
    """Tell whether a field may hold a secret: marked in the schema, or a header with such a name."""
    if schema.get("format") == "password":
        return True
    path = steps(pointer)
    return "headers" in path[:-1] and bool(_SECRET_NAME.search(path[path.index("headers") + 1]))


def is_literal_secret(schema: Schema, pointer: str, value: Any) -> bool:
    """Tell whether a value is a secret that stands in the file itself."""
    if not isinstance(value, str) or not value or value.startswith("regex:"):
        return False
    if is_secret_field(schema, pointer):
        return not _BARE_VARIABLE.fullmatch(value)
    return _has_login(value)


def _has_login(text: str) -> bool:
    """Tell whether a URL holds a password or a key."""
    if "://" not in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    password = parts.password or ""
    keys = [pair.partition("=") for pair in parts.query.split("&")]
    literal_keys = any(_SECRET_NAME.search(name) and not _BARE_VARIABLE.fullmatch(value) for name, _, value in keys)
    return bool(password and not _BARE_VARIABLE.fullmatch(password)) or literal_keys


def secrets_in(document: Document, schema: Schema) -> list[str]:
    """The pointers of the literal secrets of a document."""
    found = []
    for pointer, node in document.walk():
        if node.kind == '"':
            value = document.value(node)
            if is_literal_secret(subschema(schema, pointer), pointer, value):
                found.append(pointer)
    return found


def masked(document: Document, schema: Schema) -> Document:
    """The document with `HIDDEN` in place of literal secrets."""
    for pointer in secrets_in(document, schema):
        document = set_value(document, pointer, HIDDEN)
    return document


def variables_in(text: str) -> tuple[tuple[str, ...], ...]:
    """The variables that a string refers to, each with its alternatives."""
    return environment.names_in(text)
