"""What a config may say and is hardly what somebody wants: warnings, not errors. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.gl.rows import ORDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gecholog.schema import Finding

# Fields that every call has by the time a processor sees it: only a modifier can write them.
_REPLACED = {
    "request": frozenset({"gl_path", "outbound_headers", "outbound_payload", "outbound_subpath"}),
    "response": frozenset({"gl_path", "egress_headers", "egress_payload", "egress_status_code"}),
}
# Fields that decide what happens to a call, and come too late from a processor that runs after the reply.
_TOO_LATE = {"request": _REPLACED["request"] | ORDERS, "response": _REPLACED["response"]}

_Place = tuple[str, str, int, int]


def _routers(values: dict[str, Any]) -> Iterator[Finding]:
    """A path that no router has is no danger, but a processor that never runs is hardly meant."""
    known = {router["path"] for router in values["routers"]}
    for place, processor in _processors(values):
        for index, path in enumerate(processor.get("routers", [])):
            if path not in known:
                yield (*place, "routers", index), "is not the path of a router"


def _written_in_vain(values: dict[str, Any]) -> Iterator[Finding]:
    """What a processor writes and gl does not take leaves no trace: say so before it happens."""
    for place, processor in _processors(values):
        side = place[0]
        for index, field in enumerate(processor.get("output_fields_write", [])):
            path = (*place, "output_fields_write", index)
            if processor.get("async", False) and field in _TOO_LATE[side]:
                yield path, "changes only the record, for the processor runs after the reply (async)"
            elif not processor.get("modifier", False) and field in _REPLACED[side]:
                yield path, "is not taken: every call has this field, and only a modifier replaces fields"


def _processors(values: dict[str, Any]) -> Iterator[tuple[_Place, dict[str, Any]]]:
    for side in ("request", "response"):
        for row, processors in enumerate(values.get(side, {}).get("processors", [])):
            for index, processor in enumerate(processors):
                yield (side, "processors", row, index), processor


RULES = (_routers, _written_in_vain)
