"""What in a draft weakens the protection of secrets on their way, compared with the deployed file. Pure.

Who must not read secrets must not let others read them either: by trusting any server, by trusting an authority whose
file they have written, by leaving the encryption of the bus, or by recording headers that are masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.gui.drafts.secret_flow import FlowProblem

_MASKS = ("masked_headers", "masked_query_parameters")
_BUS_TLS = ("service_bus", "tls")
_OUTBOUND = (("tls", "outbound"), ("tls",))  # of gl, and of the sinks


def protection_problems(draft: Any, deployed: Any) -> tuple[FlowProblem, ...]:
    """What only an admin may deploy. The values are those of the files, with variables not filled in."""
    return tuple(FlowProblem(message, for_everybody=False) for message in _weaker(draft, deployed))


def _weaker(draft: Any, deployed: Any) -> Iterator[str]:
    for path in _OUTBOUND:
        yield from _less_checked(_at(draft, path), _at(deployed, path), ".".join(path))
    if _at(draft, _BUS_TLS) != _at(deployed, _BUS_TLS):
        yield "it would change the encryption of the bus (service_bus.tls)"
    for name in _MASKS:
        if shown := _added(_lower(draft, name), _lower(deployed, name)):
            yield f"it would record {', '.join(shown)} ({name})"


def _less_checked(new: Mapping[str, Any], old: Mapping[str, Any], where: str) -> Iterator[str]:
    """What a section of TLS towards servers would trust that it did not trust before."""
    if (is_insecure := new.get("insecure")) not in {None, False} and is_insecure != old.get("insecure"):
        yield f"it would send secrets to servers whose certificates are not checked ({where}.insecure)"
    if (pool := new.get("system_cert_pool")) not in {None, False} and pool != old.get("system_cert_pool") and old:
        yield f"it would trust the authorities of the system ({where}.system_cert_pool)"
    if added := _added(old.get("cert_files"), new.get("cert_files")):
        yield f"it would trust the authorities in {', '.join(added)} ({where}.cert_files)"


def _at(value: Any, path: tuple[str, ...]) -> Mapping[str, Any]:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _lower(value: Any, name: str) -> Any:
    """The names in a list; headers are the same in capital letters."""
    found = value.get(name) if isinstance(value, Mapping) else None
    is_header = name == _MASKS[0]
    return [str(one).lower() if is_header else str(one) for one in found] if isinstance(found, list) else []


def _added(before: Any, after: Any) -> list[str]:
    """What a list has that it did not have before. Whatever is no list, but a variable, is new as a whole."""
    if not isinstance(after, list):
        return [] if after in (None, before) else [str(after)]
    known = before if isinstance(before, list) else []
    return [str(one) for one in after if one not in known]
