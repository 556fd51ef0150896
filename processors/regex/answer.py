"""Answers a response: its payload with the matches under `regex`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gecholog import gjson, llm, rawjson
from gecholog.errors import NotJson
from gecholog.headers import first
from gecholog.llm import payload_text
from gecholog.message import Response
from processors.regex.config import DEFAULT, Config
from processors.regex.search import MonotonicClock, section, sections

_FIELD = "egress_payload"


def answer(response: Response, config: Config, clock: MonotonicClock) -> dict[str, Any]:
    """Return the fields to write: `egress_payload` with the additional member `regex`.

    Empty if the payload is not a JSON object, if the router has no pattern and there is no default, and for a stream
    (if `inbound_headers` are sent): its payload is folded here, but the client expects events. Raises FieldNotSent,
    SearchTooLong.
    """
    if _is_stream(response):
        return {}
    pattern = config.patterns.get(response.gl_path) or config.patterns.get(DEFAULT)
    members = _members(response)
    if pattern is None or members is None:
        return {}
    searched = payload_text.said_by(payload_text.answered(response.egress_payload), payload_text.ASSISTANT)
    if pattern.path is not None:
        searched = iter(_at(response, pattern.path))
    found = [
        section(text, match_json=config.match_json)
        for text in sections(pattern.expression, searched, config.seconds, clock)
    ]
    return {_FIELD: members | {"regex": {"match": bool(found), "sections": found}}}


def _is_stream(response: Response) -> bool:
    return llm.is_stream(first(response.get("inbound_headers", {}), "Content-Type"))


def _members(response: Response) -> dict[str, Any] | None:
    """Return the members of the payload as bytes. None if it is not an object."""
    payload = response.raw(_FIELD)
    try:
        return dict(rawjson.split(payload)) if payload is not None else None
    except NotJson:
        return None


def _at(response: Response, path: gjson.Path) -> Iterable[str]:
    """Return the text at `path`. As in GJSON, other values become JSON text, and null is empty."""
    value = gjson.get(response.get(path[0], gjson.MISSING), path[1:])
    if value is gjson.MISSING or value is None:
        return ()
    return (value if isinstance(value, str) else rawjson.dumps(value).decode("utf-8"),)
