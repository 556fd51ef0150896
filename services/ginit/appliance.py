"""ginit as a service: puts its parts together, starts and ends them.

What happens comes in as events: from the output of the services (`service_output`), their config files
(`config_files`), their heartbeats (`liveness`), the gateways' record status (`records`), supervisord (`supervision`).
All are posted to the `store`. The `event_loop` has `decision` decide on each, has the actions carried out (`execute`,
`runner`) and the new state published (`publish`).
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gecholog import health
from gecholog.logs import Log
from services.ginit.config_files import ConfigFiles, own_file
from services.ginit.decision.events import Redefined, TimerFired
from services.ginit.decision.state import Appliance
from services.ginit.event_loop import EventLoop
from services.ginit.execute import ActionExecutor
from services.ginit.liveness import LivenessMonitor, LivenessSources
from services.ginit.paths import Paths
from services.ginit.publish import StatePublisher
from services.ginit.records import RecordWatch
from services.ginit.runner import ServiceRunner
from services.ginit.service_output import Address, ServiceOutput
from services.ginit.shutdown import Shutdown
from services.ginit.startup import ports
from services.ginit.state_file import OwnConfig, StateFile
from services.ginit.store import StateStore
from services.ginit.supervision import Supervision
from services.ginit.supervisord.client import ShuttingDown, Supervisor
from services.ginit.supervisord.listener import EventListener
from services.ginit.takeover import Takeover
from services.ginit.throttled_log import ThrottledLog

if TYPE_CHECKING:
    from gecholog.task_owner import TaskOwner
    from services.ginit.config import Definition, GinitConfig

log = Log("ginit")


class Ginit:
    """The service. It runs below supervisord, which gives it SUPERVISOR_SERVER_URL."""

    def __init__(self, config: GinitConfig, _: str) -> None:
        self._config = config
        self._parts: _Parts | None = None

    async def start(self, owner: TaskOwner) -> None:
        """Start the services in their order; returns when the start of each is over."""
        home = health.home()
        paths = Paths(home, Path(os.environ.get("GECHOLOG_RUN", home / "run")))
        self._parts = parts = _Parts.create(self._config, paths, owner)
        takeover = Takeover(parts.supervisor, parts.runner, parts.files, parts.state_file.read())
        try:
            services = await takeover.services(self._config.services)
        except ShuttingDown:  # no failure: the appliance is being stopped while ginit starts
            owner.ending.set()
            await asyncio.Event().wait()
        else:
            parts.store.appliance = replace(parts.store.appliance, services=services)
        parts.run(owner)
        await parts.publisher.started.wait()

    async def reload(self, config: GinitConfig) -> None:
        """Start services that are new, stop those that are gone, and restart those whose command line has changed."""
        if self._parts is None:
            return
        for place, definition in enumerate(config.services):
            await self._parts.runner.register(definition, place)
        self._config = config
        self._parts.publisher.set_left_out(config.left_out)
        known = tuple((definition, self._parts.files.read(definition)[0]) for definition in config.services)
        self._parts.store.post(Redefined(known, config.max_starts))

    async def stop(self) -> None:
        """Clean up if supervisord is ending everything; it stops ginit last. If only ginit ends, the services go on."""
        if self._parts is not None:
            self._parts.stop()


@dataclass(frozen=True, slots=True)
class _Parts:
    """What ginit consists of while it runs."""

    store: StateStore
    supervisor: Supervisor
    runner: ServiceRunner
    output: ServiceOutput
    files: ConfigFiles
    state_file: StateFile
    publisher: StatePublisher
    listener: EventListener
    supervision: Supervision
    loop: EventLoop
    paths: Paths

    @classmethod
    def create(cls, config: GinitConfig, paths: Paths, owner: TaskOwner) -> _Parts:
        store = StateStore(Appliance((), config.max_starts))
        throttled = ThrottledLog()
        supervisor = Supervisor(os.environ["SUPERVISOR_SERVER_URL"], paths.services)
        output = ServiceOutput(paths.home, store)
        runner = ServiceRunner(paths, supervisor, output)
        own = own_file(os.environ)
        files = ConfigFiles(store, runner.copies, own)
        state_file = StateFile(paths.state_file)
        published = OwnConfig(str(own or ""), left_out=config.left_out)
        publisher = StatePublisher(store, state_file, owner, throttled, published)
        shutdown = Shutdown(store, runner, owner)
        executor = ActionExecutor(runner, store, throttled, owner.spawn, shutdown.give_up)
        supervision = Supervision(supervisor, runner, store)
        return cls(
            store=store,
            supervisor=supervisor,
            runner=runner,
            output=output,
            files=files,
            state_file=state_file,
            publisher=publisher,
            listener=EventListener(store.post, shutdown.without_supervisord),
            supervision=supervision,
            loop=EventLoop(store, supervision, executor, files, publisher),
            paths=paths,
        )

    def run(self, owner: TaskOwner) -> None:
        """Start the tasks that handle events, and those that cause them."""
        self.listener.open()
        self.files.watch_services()
        store, home = self.store, self.paths.home
        sources = LivenessSources(home, store.current, self.runner.pid, self.output.address, _configured_address)
        owner.spawn(self.files.run(), "config files")
        owner.spawn(self.loop.run(), "event loop")
        owner.spawn(RecordWatch(home, store.current, store.post).run(), "records")
        owner.spawn(self.supervision.probe(), "supervisord")
        owner.spawn(LivenessMonitor(sources, store.post).run(), "liveness")
        owner.on_refusal(self.publisher.set_refusal)
        store.post(TimerFired())

    def stop(self) -> None:
        self.runner.drain()
        appliance = self.store.appliance
        if appliance.stopping:
            for service in appliance.services:
                self.runner.checksum_file(service.definition).remove()
            self.state_file.remove()
        if appliance.given_up:
            log.error("the appliance stopped with an error", reason=appliance.given_up)
        self.listener.close()
        self.runner.close()


def _configured_address(service: Definition) -> Address | None:
    """The address in the config of a nats-server, for one that logged its address before this ginit was started."""
    return next((("127.0.0.1", port.number) for port in ports.wanted((service,), os.environ)), None)
