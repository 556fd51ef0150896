"""The service: the port, the store, the bus, and what a reload replaces."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

from aiohttp import web

from gecholog import health, held_sockets, memory
from gecholog.errors import GechologError
from gecholog.listen_error import listen_error
from gecholog.logs import Log
from gecholog.task_owner import TaskOwner
from gecholog.tls import ingress_context
from services.gui import admin_account, routes
from services.gui.access.attempts import SignInAttempts
from services.gui.assets.catalog import Assets
from services.gui.bus import GuiBus
from services.gui.config import Config
from services.gui.drafts.config_desk import ConfigDesk
from services.gui.ledger.access import LedgerAccess
from services.gui.live.calls import LiveCalls
from services.gui.store.database import Database
from services.gui.web.app import make_app
from services.gui.web.dependencies import Dependencies
from services.gui.web.rendering import Renderer

log = Log("gui")

READY = "web server up and running"
"""The log message of the original, by which ginit knows that the service is healthy."""

TEMPLATES = (Path(__file__).with_name("templates"), Path(__file__).with_name("configuration") / "templates")
_SHUTDOWN_S = 1.0  # for requests that are being answered
_BUS_END_S = 3.0
_LARGEST_FIELD = 32 * 1024  # bytes of a header


class CannotListen(GechologError):
    """The port cannot be opened."""


class Gui:
    """The service. The port, the bus and the limits follow a new config; sessions and live calls stay."""

    def __init__(self, config: Config, alias: str, home: Path | None = None) -> None:
        self._config = config
        self._alias = alias
        self._home = home or health.home()
        self._database = Database(self._home / "data" / "gui.db")
        self._live = LiveCalls()
        self._owner = TaskOwner()
        self._deps: Dependencies | None = None
        self._runner: web.AppRunner | None = None
        self._site: web.BaseSite | None = None
        self._bus_task: asyncio.Task[None] | None = None

    async def start(self, owner: TaskOwner) -> None:
        """Open the store, the port, and the bus; the bus need not be there. Raises GechologError, OSError."""
        self._owner = owner
        memory.return_large_blocks()  # a check of a password takes megabytes, which the heap would keep
        memory.share_heap()  # its threads, one for each connection to the ledger, mostly wait
        await self._database.open()
        assets = await asyncio.to_thread(Assets)
        self._deps = Dependencies(
            config=self._config,
            home=self._home,
            environ=os.environ,
            database=self._database,
            assets=assets,
            renderer=Renderer(TEMPLATES, assets, routes.NAVIGATION),
            bus=self._bus(self._config),
            live=self._live,
            attempts=SignInAttempts(self._config.attempts_limit, self._config.lock_s),
            desk=ConfigDesk(self._config, self._home, os.environ),
            ledger=LedgerAccess(self._home, os.environ),
            alias=self._alias,
        )
        await self._settle_admin(self._config)
        self._runner = web.AppRunner(
            make_app(routes.ROUTES, self._deps),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_SHUTDOWN_S,
            max_field_size=_LARGEST_FIELD,
        )
        await self._runner.setup()
        self._site = await self._listen(self._config)
        self._run_bus()
        owner.spawn(self._deps.ledger.open_early(), "open the ledger")

    async def reload(self, config: Config) -> None:
        """Put a new config in force, or raise GechologError or OSError and keep the old one."""
        deps = self._require_deps()
        site = await self._listen(config) if config.listener != self._config.listener else None
        await self._settle_admin(config)
        if site is not None:
            old, self._site = self._site, site
            if old is not None:
                await old.stop()
        moved = (config.bus, config.record_topic, config.audit_topic) != (
            self._config.bus,
            self._config.record_topic,
            self._config.audit_topic,
        )
        self._config = deps.config = config
        deps.desk.configure(config)
        deps.attempts.limit, deps.attempts.lock_s = config.attempts_limit, config.lock_s
        if moved:
            await self._end_bus()
            deps.bus = self._bus(config)
            self._run_bus()

    async def stop(self) -> None:
        self._live.end_watching()
        if self._site is not None:
            await self._site.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._end_bus()
        if self._deps is not None:
            await self._deps.close()
        await self._database.close()

    def _require_deps(self) -> Dependencies:
        if self._deps is None:
            raise GechologError("the service has not started")
        return self._deps

    async def _settle_admin(self, config: Config) -> None:
        now = self._require_deps().clock()
        admin = await self._database.run(
            lambda connection: admin_account.settle(connection, config.secret, self._home, now)
        )
        log.info("user admin", managed_by_environment=admin.managed, must_change_password=admin.must_change)

    async def _listen(self, config: Config) -> web.BaseSite:
        """Open the port. Raises CannotListen, OSError."""
        if self._runner is None:
            raise GechologError("the service has not started")
        context = _context(config)
        site = self._site_for(self._runner, config, context)
        try:
            await site.start()
        except OSError as error:
            raise CannotListen(listen_error(config.host, config.port, error)) from error
        return site

    @staticmethod
    def _site_for(runner: web.AppRunner, config: Config, context: ssl.SSLContext | None) -> web.BaseSite:
        if (held := held_sockets.find(config.host, config.port)) is not None:
            return web.SockSite(runner, held, ssl_context=context)
        return web.TCPSite(runner, config.host or None, config.port, ssl_context=context, reuse_address=True)

    def _bus(self, config: Config) -> GuiBus:
        return GuiBus(config.bus, self._alias, config.record_topic, config.audit_topic, self._live.add)

    def _run_bus(self) -> None:
        self._bus_task = self._owner.spawn(self._require_deps().bus.run(), "bus")

    async def _end_bus(self) -> None:
        task, self._bus_task = self._bus_task, None
        if task is not None:
            self._require_deps().bus.close()
            task.cancel()
            await asyncio.wait({task}, timeout=_BUS_END_S)


def _context(config: Config) -> ssl.SSLContext | None:
    tls = config.tls
    return None if tls is None else ingress_context(tls.certificate_file, tls.private_key_file)
