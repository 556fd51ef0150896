"""Warnings about a valid config that is probably not what its author wants. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog.headers import HOP_BY_HOP, canonical
from services.gl.models.model_list import NOT_LISTED
from services.gl.processor_chain import CONTROL_FIELDS
from services.gl.routing.routers import Action, action_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gecholog.schema import Violation

# Fields that every call has when processors run: only a modifier can write them.
_REPLACED = {
    "request": frozenset({"gl_path", "outbound_headers", "outbound_payload", "outbound_subpath"}),
    "response": frozenset({"gl_path", "egress_headers", "egress_payload", "egress_status_code"}),
}
# Fields that affect a call. A processor that runs after the reply writes them too late.
_TOO_LATE = {"request": _REPLACED["request"] | CONTROL_FIELDS, "response": _REPLACED["response"]}

_ANY = "regex:.+"
_NOT_A_CHOICE = "they are not alternatives; for several clients use client keys (ingress.keys)"
# Headers with keys of LLM APIs and of gateways. The masked headers of the config are added to them.
_CREDENTIALS = frozenset({"Api-Key", "Authorization", "Ocp-Apim-Subscription-Key", "X-Api-Key", "X-Goog-Api-Key"})

_ProcessorPath = tuple[str, str, int, int]


def _routers(values: dict[str, Any]) -> Iterator[Violation]:
    """Warn of paths without a router, not even one that is left out: the processor would never run."""
    known = {router.get("path") for router in values["routers"]}
    for place, processor in _processors(values):
        for index, path in enumerate(processor.get("routers", [])):
            if path not in known:
                yield (*place, "routers", index), "is not the path of a router"


def _written_in_vain(values: dict[str, Any]) -> Iterator[Violation]:
    """Warn of fields that a processor writes and gl would silently ignore."""
    for place, processor in _processors(values):
        side = place[0]
        for index, field in enumerate(processor.get("output_fields_write", [])):
            path = (*place, "output_fields_write", index)
            if processor.get("async", False) and field in _TOO_LATE[side]:
                yield path, "changes only the record, because the processor runs after the reply (async)"
            elif not processor.get("modifier", False) and field in _REPLACED[side]:
                yield path, "is ignored: every call has this field, and only a modifier can replace it"


def _header_values(values: dict[str, Any]) -> Iterator[Violation]:
    """Warn of values in `ingress.headers` that are commonly misunderstood."""
    for index, router in enumerate(values["routers"]):
        for name, wanted in _required(router).items():
            path = ("routers", index, "ingress", "headers", name)
            if len(wanted) > 1:
                yield path, f"requires all of these values, in this order: {_NOT_A_CHOICE}"
            for number, text in enumerate(wanted):
                if text.startswith("regex:") and (text != _ANY or len(wanted) > 1):
                    yield (*path, number), f"is compared literally: the only pattern is {_ANY}, alone, for any value"


def _forwarded(values: dict[str, Any]) -> Iterator[Violation]:
    """Warn of gateway keys that are forwarded to the target. With `regex:.+` the key is the client's own."""
    masked = {canonical(name) for name in values.get("masked_headers", ())}
    for index, router in enumerate(values["routers"]):
        outbound = router["outbound"]
        removed = (*values.get("remove_headers", ()), *outbound.get("remove_headers", ()), *outbound.get("headers", ()))
        kept = (_CREDENTIALS | masked) - HOP_BY_HOP - {canonical(name) for name in removed}
        for name, wanted in _required(router).items():
            if canonical(name) in kept and wanted != [_ANY] and _forwards(router):
                path = ("routers", index, "ingress", "headers", name)
                yield path, "is forwarded to the target: list it in outbound.remove_headers, or replace it"


def _not_discovered(values: dict[str, Any]) -> Iterator[Violation]:
    """Some APIs have no list of the models that can be called."""
    without = {dialect.value for dialect in NOT_LISTED}
    for index, provider in enumerate(values.get("providers", [])):
        if provider.get("discover") and provider.get("dialect") in without:
            yield ("providers", index, "discover"), "has no effect: the API does not list the models that can be called"


def _forwards(router: dict[str, Any]) -> bool:
    """Whether a router forwards required headers: an echo has no target, and providers do not get them."""
    return "models" not in router["outbound"] and action_of(router["path"]) is Action.FORWARD


def _required(router: dict[str, Any]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = router.get("ingress", {}).get("headers", {})
    return headers


def _processors(values: dict[str, Any]) -> Iterator[tuple[_ProcessorPath, dict[str, Any]]]:
    for side in ("request", "response"):
        for row, processors in enumerate(values.get(side, {}).get("processors", [])):
            for index, processor in enumerate(processors):
                yield (side, "processors", row, index), processor


RULES = (_written_in_vain, _header_values, _forwarded, _not_discovered)
WHOLE_RULES = (_routers,)
