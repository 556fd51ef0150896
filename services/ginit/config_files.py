"""The config files of the services, and of ginit itself: read, watched, and reported when they change."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from gecholog.logs import Log
from services.ginit.decision.events import ContentChanged
from services.ginit.watch import Contents, FileWatch, Unreadable, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.ginit.config import Definition
    from services.ginit.copies import Copies
    from services.ginit.store import StateStore
    from services.ginit.watch import Content

log = Log("ginit")


def own_file(environ: Mapping[str, str]) -> Path | None:
    """The config file of ginit itself, as the launcher found it."""
    named = environ.get("GECHOLOG_GINIT_CONFIG")
    return Path(named).absolute() if named else None


def reason(content: Content) -> str:
    """Why a file cannot be read, as the end of a sentence; empty if it can."""
    return content.reason if isinstance(content, Unreadable) else ""


class ConfigFiles:
    """Keeps the contents of the config files. A change is posted; a change of ginit's own file makes ginit reload."""

    def __init__(self, store: StateStore, copies: Copies, own: Path | None) -> None:
        self._store = store
        self._copies = copies
        self._own = own
        self._contents: Contents = {}
        self._watch = FileWatch(self._on_change)

    def read(self, definition: Definition) -> tuple[str | None, str]:
        """The checksum of what a service's config file holds now; None if it cannot be read, and why."""
        return self._keep(definition, read(definition.configuration_file))

    def _keep(self, definition: Definition, content: Content) -> tuple[str | None, str]:
        self._contents[definition.configuration_file] = content
        if isinstance(content, Unreadable):
            return None, content.reason
        return self._copies.keep(definition.name, content), ""

    def watch_services(self) -> None:
        """Watch the config files of the services that there are now, and that of ginit."""
        definitions = [service.definition for service in self._store.appliance.services]
        watched = [definition.configuration_file for definition in definitions if definition.watched]
        own = {} if self._own is None else {self._own: read(self._own)}
        self._watch.set_files({path: self._contents[path] for path in watched} | own)

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._watch.run()

    def drop_unused(self) -> None:
        """Drop the contents that are not in use, unless events wait: one of them may bring a content into use."""
        if not self._store.is_idle:
            return
        for service in self._store.appliance.services:
            used = {service.content, service.checking, service.in_force, service.last_good}
            self._copies.keep_only(service.name, used)

    def _on_change(self, path: Path, content: Content) -> None:
        if path == self._own:
            self._on_own_change(path, reason(content))
        for service in self._store.appliance.services:
            if service.definition.configuration_file == path:
                sha256, missing = self._keep(service.definition, content)
                self._store.post(ContentChanged(service.name, sha256, missing))

    @staticmethod
    def _on_own_change(path: Path, missing: str) -> None:
        if missing:
            why = f"it {missing}"
            log.warning("config file is missing, the config in force stays", child="ginit", file=str(path), reason=why)
        else:
            os.kill(os.getpid(), signal.SIGHUP)  # the usual way to ask a service to reload
