"""The fields of a config file, whatever their values, to find those that another file does not have. Pure.

A field is named by its path: `logger.request`, `routers[/dummy/].outbound.url`. Entries of a list are named by what
identifies them, at any depth of the list, so that their order does not matter. A list of plain values is one field.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

_IDENTIFIES = ("path", "name", "router", "field")  # routers, processors and services, caps, what a cap is of
_VARIABLE = re.compile(r'(?P<string>"(?:\\.|[^"\\])*")|(?P<variable>\$(?:\{\w+\}|\w+))', re.ASCII | re.DOTALL)
_COMMENT = re.compile(r"(#|//).*")
_NATS_NAME = re.compile(r"[\"']?([A-Za-z_][\w-]*)[\"']?\s*([:={]|\s)")


def unfilled(text: str) -> Any:
    """The value of a JSON config file without filling in its variables; outside of strings they become strings.

    Raises ValueError if it is not JSON, RecursionError if it is nested too deeply.
    """
    return json.loads(_VARIABLE.sub(lambda match: match["string"] or json.dumps(match["variable"]), text))


def fields(name: str, text: str) -> dict[str, str]:
    """The paths of all fields of a file of this name, each with the path of its parent (empty at the top).

    Raises ValueError for a `.json` file that is not JSON, RecursionError for one that is nested too deeply.
    """
    return dict(_of_json("", unfilled(text)) if name.endswith(".json") else _of_nats_server(text))


def missing(wanted: Mapping[str, str], present: Container[str]) -> list[str]:
    """The fields that are not present, without those below a field that is missing itself."""
    return [field for field, above in wanted.items() if field not in present and (not above or above in present)]


def identity(entry: Any) -> str | None:
    """What identifies an entry of a list; None if nothing does."""
    if not isinstance(entry, dict):
        return None
    return next((entry[key] for key in _IDENTIFIES if isinstance(entry.get(key), str)), None)


def _of_json(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            below = f"{path}.{name}" if path else name
            yield below, path
            yield from _of_json(below, item)
    elif isinstance(value, list):
        for item in _entries(value):
            name = identity(item)
            if name is not None:
                yield f"{path}[{name}]", path
                yield from _of_json(f"{path}[{name}]", item)


def _entries(items: list[Any]) -> Iterator[dict[str, Any]]:
    for item in items:
        if isinstance(item, list):
            yield from _entries(item)
        elif isinstance(item, dict):
            yield item


def _of_nats_server(text: str) -> Iterator[tuple[str, str]]:
    """The names at the top level of a nats-server config. Blocks are skipped."""
    depth = 0
    for line in text.splitlines():
        plain = _COMMENT.sub("", line).strip()
        if depth == 0 and (match := _NATS_NAME.match(plain)):
            yield match[1], ""
        depth = max(0, depth + plain.count("{") - plain.count("}"))
