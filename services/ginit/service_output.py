"""Interprets the output of services: lines become events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.health import ChecksumFile
from gecholog.service import CONFIG_REFUSED
from services.ginit import nats_server
from services.ginit.decision.events import BecameHealthy, Confirmed, OutputSeen, Refused
from services.ginit.decision.state import Phase
from services.ginit.lines import json_fields, problem_text

if TYPE_CHECKING:
    from pathlib import Path

    from services.ginit.decision.state import ServiceState
    from services.ginit.store import StateStore

Address = tuple[str, int]


class ServiceOutput:
    """The output listener of all services. It posts what follows from a line."""

    def __init__(self, home: Path, store: StateStore) -> None:
        self._home = home
        self._store = store
        self._addresses: dict[str, Address] = {}

    def on_line(self, name: str, line: bytes) -> None:
        """Note the progress of a service that starts, and the answer of one that reloads."""
        service = self._store.appliance.get(name)
        if service is None:
            return
        if service.definition.is_nats_server and (address := nats_server.listen_address(_text(line))):
            self._addresses[name] = address
        if service.phase is Phase.STARTING:
            self._store.post(OutputSeen(name))
        elif service.phase is Phase.RELOADING and (answer := reload_answer(service, line)):
            self._store.post(answer)

    def on_healthy_output(self, name: str) -> None:
        """The service is healthy. If it writes its checksum file itself, it has done so before this output."""
        if service := self._store.appliance.get(name):
            checksum = ChecksumFile.of(service.definition.alias, self._home).read()
            self._store.post(BecameHealthy(name, writes_checksum=checksum == service.in_force))

    def address(self, name: str) -> Address | None:
        """Where a nats-server takes clients, if it has logged that."""
        return self._addresses.get(name)


def reload_answer(service: ServiceState, line: bytes) -> Confirmed | Refused | None:
    """The result of a reload that a line tells; None if it tells none."""
    if not service.definition.is_nats_server:
        is_refusal = json_fields(line).get("msg") == CONFIG_REFUSED
        return Refused(service.name, problem_text(line)) if is_refusal else None
    result = nats_server.reload_result(_text(line))
    if result is None:
        return None
    return Confirmed(service.name) if result is nats_server.ReloadResult.DONE else Refused(service.name)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")
