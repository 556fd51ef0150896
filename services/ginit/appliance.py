"""ginit as a service: takes in what happens, decides (`reconcile`), and has it done (`perform`)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gecholog import health
from gecholog.log_throttle import LogThrottle
from gecholog.logs import Log
from services.ginit import nats_server
from services.ginit.decision.actions import (
    Action,
    Check,
    Forget,
    GiveUp,
    Kill,
    LogLine,
    PutInForce,
    Reload,
    RemoveChecksum,
    ServiceAction,
    Start,
    Stop,
    WriteChecksum,
)
from services.ginit.decision.events import (
    BecameHealthy,
    Confirmed,
    ContentChanged,
    Ended,
    Event,
    OutputSeen,
    Redefined,
    Refused,
    Stopping,
    SupervisordStatus,
    TimerFired,
)
from services.ginit.decision.reconcile import decide
from services.ginit.decision.state import RUNNING, SERVING, AfterStop, Appliance, Phase, Service
from services.ginit.lines import json_fields
from services.ginit.liveness import Address, LivenessMonitor, LivenessSources
from services.ginit.paths import Paths
from services.ginit.records import RecordWatch
from services.ginit.runner import ServiceRunner
from services.ginit.startup import ports
from services.ginit.state_file import StateFile
from services.ginit.supervisord import exit_code, launcher
from services.ginit.supervisord.client import ShuttingDown, Supervisor
from services.ginit.supervisord.listener import EventListener, Notification
from services.ginit.watch import Content, Contents, FileWatch, Unreadable, read

if TYPE_CHECKING:
    from gecholog.task_owner import TaskOwner
    from services.ginit.config import Definition, GinitConfig

_CONFIRMED_EVERY = 0.03  # seconds between two looks at the checksum file of a service that reloads
_AGAIN_AFTER = 1.0  # seconds between two tries to write what there is no room for
_SAY_SO_EVERY = 60.0  # seconds
_SUPERVISED_EVERY = 5.0  # seconds between two questions whether supervisord answers
_ENDS_WITHIN = 10.0  # seconds for supervisord to begin with it
_STOPPING_EVERY = 0.1  # seconds between two looks whether it has
_ENDED = frozenset({"PROCESS_STATE_EXITED", "PROCESS_STATE_STOPPED", "PROCESS_STATE_FATAL", "PROCESS_STATE_UNKNOWN"})
_STOPPING = "SUPERVISOR_STATE_CHANGE_STOPPING"
_REFUSAL = "config not taken"  # what gecholog.service says

log = Log("ginit")
_LOG_BY_LEVEL = {"DEBUG": log.debug, "INFO": log.info, "WARN": log.warning, "ERROR": log.error}


class Ginit:
    """The service. It lives below supervisord, which gives it SUPERVISOR_SERVER_URL."""

    def __init__(self, config: GinitConfig, _: str) -> None:
        self._config = config
        home = health.home()
        self._paths = Paths(home, Path(os.environ.get("GECHOLOG_RUN", home / "run")))
        self._state = Appliance((), config.max_starts)
        self._contents: Contents = {}
        self._queue: asyncio.Queue[Event | Notification] = asyncio.Queue()
        self._report = StateFile(self._paths.state_file)
        self._started = asyncio.Event()
        self._last_serial: int | None = None
        self._no_timer_before = 0.0  # a steady clock's time
        self._addresses: dict[str, Address] = {}  # of nats-servers, as they said them
        self._throttle = LogThrottle(_SAY_SO_EVERY)

    # ------------------------------------------------------------------ start, stop

    async def start(self, owner: TaskOwner) -> None:
        """Start the services in their order; returns when each has had its turn."""
        self._owner = owner
        self._supervisor = Supervisor(os.environ["SUPERVISOR_SERVER_URL"], self._paths.services)
        self._runner = ServiceRunner(self._paths, self._supervisor, self)
        self._listener = EventListener(self._queue.put_nowait, self._deserted)
        self._watch = FileWatch(self._file_changed)
        try:
            self._state = replace(self._state, services=tuple([service async for service in self._found()]))
        except ShuttingDown:  # no failure of ours: the appliance was told to end while we began
            owner.ending.set()
            await asyncio.Event().wait()
        self._listener.open()
        self._look_at_files()
        owner.spawn(self._watch.run(), "watch")
        owner.spawn(self._run(), "reconcile")
        records = RecordWatch(self._paths.home, lambda: self._state, self._queue.put_nowait)
        owner.spawn(records.run(), "records")
        owner.spawn(self._ask_supervisord(), "supervisord")
        sources = LivenessSources(
            self._paths.home, lambda: self._state, self._runner.pid, self._addresses.get, _assumed
        )
        owner.spawn(LivenessMonitor(sources, self._queue.put_nowait).run(), "liveness")
        self._queue.put_nowait(TimerFired())
        await self._started.wait()

    async def reload(self, config: GinitConfig) -> None:
        """Services that are new are started, those that are gone are stopped, those that changed are restarted."""
        for place, definition in enumerate(config.services):
            await self._runner.register(definition, place)
        self._config = config
        known = tuple(
            (definition, self._kept(definition, read(definition.configuration_file))) for definition in config.services
        )
        self._queue.put_nowait(Redefined(known, config.max_starts))

    async def stop(self) -> None:
        """When supervisord ends everything, ginit is the last. When only ginit ends, the services stay as they are."""
        if not hasattr(self, "_runner"):
            return
        self._runner.drain()
        if self._state.stopping:
            for service in self._state.services:
                self._runner.checksum_file(service.definition).remove()
            self._report.remove()
        if self._state.given_up:
            log.error("the appliance ends", reason=self._state.given_up)
        self._listener.close()
        self._runner.close()

    # ------------------------------------------------------------------ services, as they are found

    async def _found(self) -> AsyncIterator[Service]:
        """The services of the config. One that a ginit before this one left healthy is taken over as it is."""
        running = await self._supervisor.all_running()
        before = self._report.read()
        for place, definition in enumerate(self._config.services):
            await self._runner.register(definition, place)
            content = read(definition.configuration_file)
            missing = content.reason if isinstance(content, Unreadable) else ""
            service = Service(
                definition, content=self._kept(definition, content), missing=missing, since=time.monotonic()
            )
            if pid := running.pop(definition.slug, 0):
                service = await self._taken_over(service, pid, before.get(definition.name, {}))
            yield service
        for slug, pid in running.items():
            if pid and slug != os.environ.get("SUPERVISOR_GROUP_NAME"):
                log.warning("a process that no service needs is stopped", process=slug)
                await self._supervisor.stop(slug)

    async def _taken_over(self, service: Service, pid: int, before: dict[str, Any]) -> Service:
        definition = service.definition
        self._runner.adopt(definition, pid)
        data = self._runner.copies.read_in_force(definition)
        sha256 = None if data is None else self._runner.copies.keep(definition.name, data)
        if sha256 is not None and self._runner.checksum_file(definition).read() == sha256:
            log.info("service is taken over", child=definition.name, pid=pid)
            taken = replace(service, phase=Phase.HEALTHY, in_force=sha256, last_good=sha256, last_checked=sha256)
            return replace(taken, writes_checksum=before.get("writes_checksum", False), starts=before.get("starts", 1))
        log.warning("service is started anew, its state is not known", child=definition.name, pid=pid)
        await self._runner.stop(definition)
        return replace(service, phase=Phase.STOPPING, then=AfterStop.BEGIN)

    def _kept(self, definition: Definition, content: Content) -> str | None:
        self._contents[definition.configuration_file] = content
        return None if isinstance(content, Unreadable) else self._runner.copies.keep(definition.name, content)

    # ------------------------------------------------------------------ what happens

    def on_line(self, name: str, line: bytes) -> None:
        """A service has written a line."""
        service = self._state.get(name)
        if service is None:
            return
        if service.definition.is_nats_server and (
            address := nats_server.listen_address(line.decode("utf-8", "replace"))
        ):
            self._addresses[name] = address
        if service.phase is Phase.STARTING:
            self._queue.put_nowait(OutputSeen(name))
        elif service.phase is Phase.RELOADING and (answer := _answer(service, line)):
            self._queue.put_nowait(answer)

    def on_healthy_output(self, name: str) -> None:
        """A service has written its healthy output."""
        if service := self._state.get(name):
            writes_checksum = self._runner.checksum_file(service.definition).read() == service.in_force
            self._queue.put_nowait(BecameHealthy(name, writes_checksum))

    def _file_changed(self, path: Path, content: Content) -> None:
        missing = content.reason if isinstance(content, Unreadable) else ""
        if path == _own_file():
            if missing:
                log.warning(
                    "config file is gone, nothing changes", child="ginit", file=str(path), reason=f"it {missing}"
                )
            else:
                os.kill(os.getpid(), signal.SIGHUP)  # as anybody would ask a service to read its file again
        for service in self._state.services:
            if service.definition.configuration_file == path:
                sha256 = self._kept(service.definition, content)
                self._queue.put_nowait(ContentChanged(service.name, sha256, missing))

    async def _ask_supervisord(self) -> None:
        while True:
            await asyncio.sleep(_SUPERVISED_EVERY)
            responds = await self._supervisor.responds()
            if responds != self._state.supervisord_responds:
                self._queue.put_nowait(SupervisordStatus(responds))

    def _deserted(self) -> None:
        """Now nobody would end the services, or start this process again."""
        log.error("supervisord is gone, everything ends")
        self._state = replace(self._state, stopping=True)
        self._owner.spawn(self._end_without_supervisord(), "end")

    async def _end_all(self) -> None:
        """Have supervisord end everything, and this process last; do it ourselves if it does not react."""
        if launcher.end():
            for _ in range(round(_ENDS_WITHIN / _STOPPING_EVERY)):
                await asyncio.sleep(_STOPPING_EVERY)
                if self._state.stopping:
                    return
            log.error("supervisord does not react, everything ends")
            launcher.kill()
        await self._end_without_supervisord()

    async def _end_without_supervisord(self) -> None:
        await self._runner.end_all(self._state)
        self._owner.ending.set()

    # ------------------------------------------------------------------ decisions

    async def _run(self) -> None:
        while True:
            event = await self._next()
            if isinstance(event, Notification):
                await self._note(event)
            else:
                await self._take(event)

    async def _next(self) -> Event | Notification:
        timer_at = self._state.timer_at
        left = None if timer_at is None else max(0.0, timer_at - time.monotonic())
        if left is not None:
            left = max(left, self._no_timer_before - time.monotonic())
        try:
            async with asyncio.timeout(left):
                return await self._queue.get()
        except TimeoutError:
            return TimerFired()

    async def _note(self, notice: Notification) -> None:
        """Take in what supervisord says."""
        missed = self._last_serial is not None and notice.serial > self._last_serial + 1
        self._last_serial = notice.serial
        if notice.event == _STOPPING:
            await self._take(Stopping())
        elif notice.event in _ENDED:
            await self._end(notice)
        if missed:
            await self._ask_for_missed()

    async def _end(self, notice: Notification) -> None:
        service = next((one for one in self._state.services if one.definition.slug == notice.slug), None)
        if service is None or not self._runner.is_current(service.name, notice.pid):
            return
        self._runner.drain([service.name])
        await self._take(Ended(service.name, await self._runner.exit_reason(service.definition)))

    async def _ask_for_missed(self) -> None:
        """Notices are dropped when there are too many: ask supervisord who lives."""
        running = await self._supervisor.all_running()
        for service in self._state.services:
            if service.phase in RUNNING and not running.get(service.definition.slug):
                await self._take(Ended(service.name, "unknown"))

    async def _take(self, event: Event) -> None:
        before = self._state
        self._state, actions = decide(before, event, time.monotonic())
        if blocked := self._not_in_force(actions):  # what was decided on them is not done, and decided on again
            for name in blocked:
                if (service := before.get(name)) is not None:
                    self._state = self._state.put(service)
            actions = tuple(action for action in actions if _concerns(action) not in blocked)
            self._look_again(event)
        if isinstance(event, Redefined):
            self._look_at_files()
        for action in actions:
            await self._perform(action)
        self._publish()

    def _not_in_force(self, actions: Iterable[Action]) -> set[str]:
        """Write what services are to start from, before anything else is done; for whom that fails is returned."""
        blocked = set()
        for action in actions:
            if isinstance(action, PutInForce) and (service := self._state.get(action.name)):
                try:
                    self._runner.copies.put_in_force(service.definition, action.sha256)
                except OSError as error:
                    self._complain("config cannot be put in force yet", service.name, error)
                    blocked.add(service.name)
        return blocked

    def _look_again(self, event: Event) -> None:
        """Take an event once more, in a while. A tick comes by itself, but then not at once."""
        self._no_timer_before = time.monotonic() + _AGAIN_AFTER
        if not isinstance(event, TimerFired):
            asyncio.get_running_loop().call_later(_AGAIN_AFTER, self._queue.put_nowait, event)

    def _complain(self, message: str, child: str, error: OSError) -> None:
        """Log what is tried again and again, but not each time."""
        if self._throttle.admit(message):
            log.error(message, child=child, reason=str(error))

    def _look_at_files(self) -> None:
        """Watch the config files, which hold what was read of them last."""
        definitions = [service.definition for service in self._state.services]
        files = [definition.configuration_file for definition in definitions if definition.watched]
        self._watch.set_files({path: self._contents[path] for path in files} | _own_content())

    def _forget_contents(self) -> None:
        """Let go of contents that nobody asks for any more: not while an event that waits may bring one into play."""
        if not self._queue.empty():
            return
        for service in self._state.services:
            used = {service.content, service.checking, service.in_force, service.last_good}
            self._runner.copies.keep_only(service.name, used)

    def _publish(self) -> None:
        """Make known what is so now."""
        self._forget_contents()
        try:  # the reasons first: whoever finds the appliance unhealthy looks there
            self._report.write(self._state, self._config.left_out)
        except OSError as error:
            self._complain("state not written", "ginit", error)
        self._owner.set_healthy(healthy=self._state.healthy)
        if self._state.settled and not self._state.given_up:
            self._started.set()

    # ------------------------------------------------------------------ actions

    async def _perform(self, action: Action) -> None:
        match action:
            case LogLine():
                _LOG_BY_LEVEL[action.level](action.message, **action.fields)
            case GiveUp():
                log.error("the appliance is given up", reason=action.reason)
                exit_code.decide(1)
                self._owner.spawn(self._end_all(), "end")
            case Forget():
                await self._runner.forget(action.definition)
            case _:
                if service := self._state.get(action.name):
                    await self._perform_on(service, action)

    async def _perform_on(self, service: Service, action: ServiceAction) -> None:
        runner, definition = self._runner, service.definition
        match action:
            case Check():
                self._owner.spawn(self._check(definition, action.sha256), f"check {service.name}")
            case PutInForce():
                await runner.set_stop_wait(definition)
            case Start():
                await self._start(service)
            case Reload():
                await self._reload(service)
            case Stop():
                await runner.stop(definition)
            case Kill():
                await runner.kill(definition)
            case WriteChecksum():
                if not self._wrote_checksum(service, action.sha256):
                    self._owner.spawn(
                        self._write_checksum_later(service.name, action.sha256), f"checksum of {service.name}"
                    )
            case RemoveChecksum():
                self._runner.checksum_file(definition).remove()

    async def _start(self, service: Service) -> None:
        if (ended := await self._runner.start(service.definition, service.in_force or "")) is not None:
            self._queue.put_nowait(ended)

    async def _reload(self, service: Service) -> None:
        await self._runner.reload(service.definition)
        if service.writes_checksum:
            self._owner.spawn(self._await_checksum(service), f"reload {service.name}")

    async def _check(self, definition: Definition, sha256: str) -> None:
        """Validate a content, again and again as long as that is not possible and somebody wants to know."""
        while (service := self._state.get(definition.name)) and service.checking == sha256:
            try:
                checked = await self._runner.check(definition, sha256, service.in_force if service.last_good else None)
            except OSError as error:
                self._complain("config cannot be validated yet", definition.name, error)
                await asyncio.sleep(_AGAIN_AFTER)
            else:
                self._queue.put_nowait(checked)
                return

    def _wrote_checksum(self, service: Service, sha256: str) -> bool:
        """Write the checksum file of a service that does not do so itself; False if that is not possible."""
        try:
            self._runner.checksum_file(service.definition).write(sha256)
        except OSError as error:
            self._complain("checksum file cannot be written yet", service.name, error)
            return False
        return True

    async def _write_checksum_later(self, name: str, sha256: str) -> None:
        while True:
            await asyncio.sleep(_AGAIN_AFTER)
            service = self._state.get(name)
            if service is None or service.phase not in SERVING or service.in_force != sha256:
                return
            if self._wrote_checksum(service, sha256):
                return

    async def _await_checksum(self, service: Service) -> None:
        """A service that writes its checksum file itself confirms a reload by its checksum file."""
        file = self._runner.checksum_file(service.definition)
        while (current := self._state.get(service.name)) and current.phase is Phase.RELOADING:
            if file.read() == service.in_force:
                self._queue.put_nowait(Confirmed(service.name))
                return
            await asyncio.sleep(_CONFIRMED_EVERY)


def _assumed(service: Definition) -> Address | None:
    """Where a nats-server seems to listen that was started before this ginit, and so has not told it."""
    return next((("127.0.0.1", port.number) for port in ports.wanted((service,), os.environ)), None)


def _concerns(action: Action) -> str:
    """The service whose state an action belongs to. That of a process which has ended is said in any case."""
    if isinstance(action, RemoveChecksum | Forget | GiveUp):
        return ""
    return str(action.fields.get("child", "")) if isinstance(action, LogLine) else action.name


def _answer(service: Service, line: bytes) -> Confirmed | Refused | None:
    """What a line says of a reload, if it says anything."""
    if not service.definition.is_nats_server:
        return Refused(service.name) if json_fields(line).get("msg") == _REFUSAL else None
    result = nats_server.reload_result(line.decode("utf-8", "replace"))
    if result is None:
        return None
    return Confirmed(service.name) if result is nats_server.ReloadResult.DONE else Refused(service.name)


def _own_content() -> Contents:
    own = _own_file()
    return {} if own is None else {own: read(own)}


def _own_file() -> Path | None:
    """The config file of ginit itself, as the launcher found it."""
    named = os.environ.get("GECHOLOG_GINIT_CONFIG")
    return Path(named).absolute() if named else None
