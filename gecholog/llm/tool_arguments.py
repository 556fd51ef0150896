"""Arguments of tool calls: JSON text in some APIs, objects in others. Pure."""

from __future__ import annotations

from typing import Any

from gecholog.errors import NotJson
from gecholog.llm import json_text


def as_object(arguments: str) -> dict[str, Any]:
    """The object that a call's arguments are. No text, and null, are an empty one.

    What is no object (a model may write anything, and a limit of tokens may cut it off) becomes `{"arguments": text}`.
    """
    if not arguments.strip():
        return {}
    try:
        value = json_text.loads(arguments)
    except NotJson:
        return {"arguments": arguments}
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"arguments": arguments}


def as_text(value: Any) -> str:
    """Arguments that came as JSON, as text. A text is taken as it is; no value at all is an empty object.

    Raises NotJson if they are nested too deep to be written.
    """
    if isinstance(value, str):
        return value
    return "{}" if value is None else json_text.dumps(value).decode()
