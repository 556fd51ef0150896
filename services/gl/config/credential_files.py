"""The rules for files with credentials in gl_config.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gecholog import regular_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gecholog.schema import Violation


def google_files(values: dict[str, Any]) -> Iterator[Violation]:
    """The file is checked when the config is: later nobody would look for the reason of a missing token there."""
    for index, provider in enumerate(values.get("providers", [])):
        name = provider.get("credentials_file")
        if isinstance(name, str) and name and (reason := _unusable(name)):
            yield ("providers", index, "credentials_file"), reason


def _unusable(name: str) -> str:
    """Why a file has no credentials of Google; empty if it has."""
    if reason := regular_file.why_not(name):
        return f"must be a readable file; it {reason}"
    try:
        value = json.loads(regular_file.read_bytes(name))
    except (OSError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return "must be a JSON file with credentials of Google, such as the key of a service account"
    return ""
