"""The gateway as a service: start, reload, stop.

Everything that depends on the config is in one object, the generation. A reload builds a new generation and replaces
the one in force. Calls in flight finish with the generation that they began with.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gecholog import memory
from gecholog.bus import Bus
from gecholog.errors import GechologError
from gecholog.logs import Log
from gecholog.metrics import process
from gecholog.metrics.snapshot import merge, to_json
from gecholog.service import connect_bus, replacing_bus
from services.gl.bodies.unpacked import UnpackedBytes
from services.gl.compiled import is_compiled
from services.gl.credentials.aws_credentials import CredentialStore
from services.gl.credentials.aws_signing import SignedUpstream, Signer
from services.gl.credentials.provider_tokens import ProviderTokens
from services.gl.dependencies import Dependencies
from services.gl.discovery import Discovery
from services.gl.dispatch import dispatch, reply_to_unreadable
from services.gl.generation import Clients, Generation
from services.gl.image_fetcher import ImageFetcher, PublicPools
from services.gl.keyring.service import KeyService
from services.gl.listening.admin import AdminListener, Health
from services.gl.listening.listeners import Listeners
from services.gl.metrics.bus_services import BusServices
from services.gl.metrics.call_metrics import CallMetrics
from services.gl.metrics.gateway_state import Counts, snapshot_of_state
from services.gl.models.ratings import Ratings
from services.gl.prices.price_file import PriceFile
from services.gl.quota.enforcer import QuotaEnforcer
from services.gl.quota.mirror import QuotaMirror
from services.gl.quota.sharing import BucketLocation, QuotaSharing
from services.gl.record.delivery.backpressure import Backpressure
from services.gl.record.delivery.recorder import Recorder
from services.gl.status import Status
from services.gl.targets.health import TargetHealth
from services.gl.targets.sharing import BreakerSharing
from services.gl.unrecorded.log import UnrecordedLog
from services.gl.upstream import Pool, proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from gecholog.bus import Handler
    from gecholog.headers import Headers
    from gecholog.metrics.snapshot import Snapshot
    from gecholog.task_owner import TaskOwner
    from services.gl.config import Config
    from services.gl.errors import ErrorReply, Refusal
    from services.gl.listening.listeners import Replacement
    from services.gl.role import Role
    from services.gl.server import Exchange

log = Log("gateway")

_BUS_WITHIN_S = 2.0  # at the start, if there is a mirror of the client keys with which calls can be served
_KEYS_WITHIN_S = 1.0  # at the start
_LAST_RECORDS_S = 1.0  # when stopping, for records that wait for an acknowledgement of the bus


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` has opened for a config. The bus is None if the one in use serves this config as well."""

    config: Config
    clients: Clients
    bus: Bus | None
    replacement: Replacement


class Gateway:
    """What serves calls: the service gl, or one worker of it."""

    def __init__(self, config: Config, role: Role) -> None:
        self._role = role
        self._first = config
        self._status = Status()
        self._records = Recorder(
            role.journals,
            config.journal_max_bytes,
            role.record_status,
            self._status.failed,
            Backpressure.divided(role.workers),
        )
        self._listeners = Listeners(self.handle, self.error_reply, role.bind, role.balance)
        self._unrecorded = UnrecordedLog()
        self._owner: TaskOwner | None = None
        self._generation: Generation | None = None
        self._generations = 0  # that were put in force
        self._metrics = CallMetrics()
        self._services = BusServices(lambda: None if self._generation is None else self._generation.deps.bus)
        self._admin = AdminListener(self._snapshot, self._health)
        self._following: set[asyncio.Task[None]] = set()  # what a reload has left to do
        self._follows_in_turn = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()  # closes buses that are not in use any more
        self._stopping = False
        self._targets = TargetHealth()
        self._sharing = BreakerSharing(self._targets.breakers, role.breaker_status)
        self._keys = KeyService(role.key_mirror, role.first_key)
        self._ratings = Ratings()
        self._unpacked = UnpackedBytes()
        self._quotas = QuotaEnforcer()
        self._quota_sharing = QuotaSharing(self._quotas, QuotaMirror(role.usage_folder, role.left_usage), role.part)
        self._discovery = Discovery(self._required, self._apply_changes)
        self._aws = CredentialStore(lambda: self._required().config)
        self._signer = Signer(self._aws)
        self._prices = PriceFile(role.last_prices, self._apply_changes, keeps=role.is_first)
        self._tokens = ProviderTokens(lambda: self._required().config, self._apply_changes)

    # ------------------------------------------------------------------- life

    async def start(self, owner: TaskOwner) -> None:
        """Bind the port, connect to the bus, then serve."""
        await self.open(owner)
        self.serve()

    async def open(self, owner: TaskOwner) -> None:
        """Do the parts of the start that can fail."""
        self._owner = owner
        memory.return_large_blocks()
        if is_compiled():
            log.info("running compiled")
        config = self._first
        clients = _clients(config)
        self._listeners.bind(config)
        await self._use_admin_port(config)
        bus = await self._bus(config)
        within = _BUS_WITHIN_S if self._keys.load(config) else None
        await connect_bus(owner, bus, within, is_required=within is None)
        if not bus.connected:
            log.warning("bus not reached, serving with the client keys of the mirror on disk")
        await self._records.publish_to(bus, config.topics.logger, config.record_log)
        owner.spawn(self._records.run(), "records")
        await asyncio.gather(self._tokens.prepare(config), self._aws.prepare(config))
        self._prices.open(config)
        config = self._with_live_state(config)
        sessions = self._role.sessions(config.gateway_id)
        self._generation = Generation(config, self._deps(bus, clients), sessions, clients)
        self._generations += 1
        self._sharing.activate(config, bus, owner)
        self._quota_sharing.begin(owner, has_limits=config.has_limits)
        await self._share_quotas(config, bus)
        self._keys.activate(config, bus, owner)
        if bus.connected:
            await self._keys.settled(_KEYS_WITHIN_S)  # until then clients with a key would get 503

    def serve(self) -> None:
        """Accept clients."""
        owner = self._required_owner()
        self._listeners.start(owner)
        owner.spawn(self._discovery.run(), "discovery")
        owner.spawn(self._tokens.run(), "tokens")
        owner.spawn(self._aws.run(), "credentials for AWS")
        owner.spawn(self._prices.run(), "prices")
        if self._role.is_alone:
            owner.spawn(self._services.run(), "metrics of services")

    async def reload(self, config: Config) -> None:
        """Put a new config in force. What it needs is opened before anything of the old config is closed.

        Everything that can fail is done first, so that a failed reload changes nothing.
        """
        prepared = await self.prepare(config)
        try:
            self._listeners.open(prepared.replacement)  # from now on it accepts clients
        except BaseException:
            await self.cancel(prepared)
            raise
        self.commit(prepared)
        await self._use_admin_port(config)

    async def prepare(self, config: Config) -> Prepared:
        """Do the parts of a reload that can fail. `commit` or `cancel` must follow."""
        old = self._required()
        has_same_tls = config.outbound_tls_digest == old.config.outbound_tls_digest
        clients = old.clients if has_same_tls else _clients(config)
        has_new_bus = (config.bus, config.topics) != (old.config.bus, old.config.topics)
        await asyncio.gather(self._tokens.prepare(config), self._aws.prepare(config))
        replacement = self._listeners.prepare(config)
        try:
            bus = await self._bus(config) if has_new_bus else None
            async with replacing_bus(self._required_owner(), bus):
                return Prepared(config, clients, bus, replacement)
        except BaseException:
            self._listeners.cancel(replacement)
            raise

    async def cancel(self, prepared: Prepared) -> None:
        """Close what was opened for a config that is not put in force."""
        self._listeners.cancel(prepared.replacement)
        if prepared.bus is not None:
            await prepared.bus.close()

    def commit(self, prepared: Prepared) -> None:
        """Put a prepared config in force. Calls that begin from now on have it; what waits for the bus follows later.

        ginit restarts a service that does not say soon that its config is in force, and the bus may be slow.
        """
        old = self._required()
        config, bus, clients = self._with_live_state(prepared.config), prepared.bus or old.deps.bus, prepared.clients
        same_name = config.gateway_id == old.config.gateway_id
        sessions = old.sessions if same_name else self._role.sessions(config.gateway_id)
        if prepared.replacement.socket is not None and prepared.replacement.listener is None:
            self._listeners.open(prepared.replacement)
        self._generation = Generation(config, self._deps(bus, clients), sessions, clients)
        self._generations += 1
        self._listeners.switch(prepared.replacement)
        self._activate(config, old, bus, clients)
        following = asyncio.create_task(self._follow(config, old, bus), name="rest of a reload")
        self._following.add(following)
        following.add_done_callback(self._following.discard)

    def _apply_changes(self) -> None:
        """Put what has changed beside the config in force: lists of models, tokens, prices."""
        if (generation := self._generation) is not None:
            self._generation = replace(generation, config=self._with_live_state(generation.config))

    def _with_live_state(self, config: Config) -> Config:
        """The config with what gl knows beside it: models of providers, tokens for them, prices of the operator."""
        return self._prices.applied(self._tokens.applied(self._discovery.applied(config)))

    def _activate(self, config: Config, old: Generation, bus: Bus, clients: Clients) -> None:
        """Let everything beside calls follow the config in force, without waiting for anything."""
        owner = self._required_owner()
        self._sharing.activate(config, bus, owner)
        self._keys.activate(config, bus, owner)
        self._records.resize(config.journal_max_bytes)
        self._discovery.refresh()
        self._tokens.refresh()
        self._aws.refresh()
        self._quota_sharing.begin(owner, has_limits=config.has_limits)
        if clients is not old.clients:
            old.clients.retire()

    async def _follow(self, config: Config, old: Generation, bus: Bus) -> None:
        """Let what waits for the bus follow a config that was put in force, after the configs before it."""
        async with self._follows_in_turn:
            try:
                if bus is not old.deps.bus or config.record_log != old.config.record_log:
                    await self._records.publish_to(bus, config.topics.logger, config.record_log)
                await self._share_quotas(config, bus)
            except Exception as error:  # noqa: BLE001 - a border: the config is in force, and calls are served with it
                log.fault("reload not finished", error)
        if bus is not old.deps.bus:
            closing = asyncio.create_task(_close_when_idle(old.deps.bus, self._listeners.calls), name="old bus")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def stop(self) -> None:
        """Stop accepting clients, finish the calls in flight, and disconnect from the bus."""
        self._stopping = True
        self._unrecorded.close()
        for following in self._following:
            following.cancel()
        if self._following:
            await asyncio.wait(self._following)
        generation = self._generation
        await self._listeners.stop(generation.config.shutdown_time if generation else 0)
        await self._admin.stop()
        await self._records.stop(_LAST_RECORDS_S)
        await self._sharing.stop()
        await self._quota_sharing.stop()
        await self._keys.stop()
        if generation is not None:
            generation.clients.retire()
            await generation.deps.bus.close()

    # ------------------------------------------------------------ for a parent

    @property
    def answers(self) -> Mapping[str, Callable[[], Any]]:
        """What a parent asks of all of its workers. Each function returns JSON."""
        return {"status": lambda: self._status.report()["Body"], "metrics": lambda: to_json(self.snapshot())}

    def adopt_orphans(self) -> None:
        """Publish the records in the journal of another process of this gateway that has died."""
        self._records.adopt_orphans()

    # --------------------------------------------------------------- requests

    def handle(self, exchange: Exchange) -> Coroutine[None, None, None]:
        """Return the coroutine that handles a request with the config in force."""
        return dispatch(exchange, self._required(), is_stopping=self._stopping)

    def error_reply(self, refusal: Refusal, path: str, received: Headers) -> ErrorReply:
        """The response to a request that cannot be parsed, with the config in force."""
        reply = reply_to_unreadable(refusal, path, received, self._required().config)
        self._metrics.refused("", reply.status)
        return reply

    # ---------------------------------------------------------------- metrics

    def snapshot(self) -> Snapshot:
        """What this process has counted, and its state. Snapshots of several processes can be merged."""
        found = [self._metrics.snapshot(), process.snapshot()]
        if (generation := self._generation) is not None:
            counts = Counts(len(self._listeners.calls), self._generations)
            found.append(snapshot_of_state(generation.config, generation.deps, counts, self._metrics.target_label))
        return merge(found)

    async def _snapshot(self) -> Snapshot:
        return merge([self.snapshot(), self._services.snapshot()])

    async def _use_admin_port(self, config: Config) -> None:
        if self._role.is_alone:  # a parent has it for its workers
            await self._admin.use(config.admin)

    def _health(self) -> Health:
        generation = self._generation
        status = "starting" if generation is None or not self._listeners.is_accepting else "ok"
        return Health(
            "stopping" if self._stopping else status, generation is not None and generation.deps.bus.connected
        )

    # ------------------------------------------------------------------ parts

    def _required_owner(self) -> TaskOwner:
        if self._owner is None:
            raise GechologError("not started")
        return self._owner

    def _required(self) -> Generation:
        if self._generation is None:
            raise GechologError("not started")
        return self._generation

    def _deps(self, bus: Bus, clients: Clients) -> Dependencies:
        observe = self._unrecorded.observe
        return Dependencies(
            bus,
            SignedUpstream(clients.pool, self._signer),
            self._records,
            self._status,
            observe,
            self._targets,
            self._ratings,
            self._unpacked,
            clients.images,
            self._quotas,
            self._keys.keyring,
            self._metrics,
        )

    async def _share_quotas(self, config: Config, bus: Bus) -> None:
        await self._quota_sharing.activate(BucketLocation(bus, config.storage, config.topics.own), config.gateway_id)

    async def _bus(self, config: Config) -> Bus:
        bus = Bus(config.bus, self._role.bus_name, log)
        if self._role.is_alone:
            await answer_for_gateway(bus, self._role.alias, config, self._status.answer)
        return bus


async def answer_for_gateway(bus: Bus, alias: str, config: Config, is_alive: Handler) -> None:
    """Announce the gateway on the bus, and answer there whether it is alive, also after each reconnection."""
    await bus.subscribe(config.topics.isalive, is_alive)

    async def announce(connected: Bus) -> None:
        for text in ("connected", "listening"):
            await connected.publish(config.topics.own, f"{alias} {text}".encode())

    bus.on_connect(announce)


async def _close_when_idle(bus: Bus, calls: set[asyncio.Task[None]]) -> None:
    """Close a bus when the last call that uses it has ended."""
    if calls:
        await asyncio.wait(calls)
    await asyncio.sleep(_LAST_RECORDS_S)
    await bus.close()


def _clients(config: Config) -> Clients:
    """Create the upstream clients. Raises GechologError if certificates or the proxy's address cannot be used."""
    try:
        proxies = proxy.from_environment(os.environ)
    except ValueError as error:
        raise GechologError(str(error)) from None
    context = config.outbound_context
    return Clients(Pool(context, proxies), ImageFetcher(PublicPools(context), proxies))
