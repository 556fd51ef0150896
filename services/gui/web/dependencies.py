"""What pages need from the service: one object, handed to every visit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import aiohttp

from services.gui.access.attempts import SignInAttempts
from services.gui.assets.catalog import Assets
from services.gui.bus import GuiBus
from services.gui.config import Config
from services.gui.drafts.config_desk import ConfigDesk
from services.gui.ledger.access import LedgerAccess
from services.gui.live.calls import LiveCalls
from services.gui.metrics import GuiMetrics
from services.gui.store import audit
from services.gui.store.audit import AuditEntry
from services.gui.store.database import Database
from services.gui.store.password import PasswordHasher
from services.gui.tutorials.progress import Progress
from services.gui.web.rendering import Renderer

T = TypeVar("T")


@dataclass(slots=True)
class Dependencies:
    """The state of a running web interface. `config` is replaced on a reload."""

    config: Config
    home: Path
    environ: Mapping[str, str]
    database: Database
    assets: Assets
    renderer: Renderer
    bus: GuiBus
    live: LiveCalls
    attempts: SignInAttempts
    desk: ConfigDesk
    ledger: LedgerAccess
    alias: str = "gui"
    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    metrics: GuiMetrics = field(default_factory=GuiMetrics)
    flashes: dict[str, list[Flash]] = field(default_factory=dict)
    tutorials: dict[str, Progress] = field(default_factory=dict)  # by session
    clock: Callable[[], float] = time.time
    _client: aiohttp.ClientSession | None = None

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of a function of the store's connection, which may also write. Raises StoreError."""
        return await self.database.run(work)

    async def http_client(self) -> aiohttp.ClientSession:
        """The client for requests to the gateway. It changes nothing of what it passes on."""
        if self._client is None:
            self._client = aiohttp.ClientSession(
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=0),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._client

    async def close(self) -> None:
        """Close the client and the ledger, and end programs that run."""
        await self.desk.close()
        await self.ledger.close()
        if self._client is not None:
            await self._client.close()

    async def audit(self, entry: AuditEntry) -> None:
        """Write an entry to the audit log, and publish it. Raises StoreError: what cannot be audited is not done."""
        await self.database.run(lambda connection: audit.add(connection, entry))
        await self.bus.publish_audit(entry.as_json())


@dataclass(frozen=True, slots=True)
class Flash:
    """A message that the next page of a session shows. `kind`: success, warning or danger."""

    text: str
    kind: str = "success"
