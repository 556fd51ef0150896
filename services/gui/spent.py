"""What client keys and their owners have used of their limits, as the gateways count it on the bus.

Each replica of a gateway writes its counts into the bucket `quotas` (gecholog.replication); their sum is what counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
from nats.aio.client import Client
from nats.errors import Error
from nats.js.errors import BucketNotFoundError
from nats.js.errors import Error as JetStreamError

from gecholog import key_store
from gecholog.errors import BusError
from gecholog.gateway_bus import GatewayBus
from gecholog.key_store import Contents
from gecholog.keys import KeyEntry, OwnerEntry
from gecholog.nats_login import connected
from gecholog.quota.limits import TOKENS, Budget, Limits, usd_text
from gecholog.quota.meter import ReplicaUsage
from gecholog.quota.period import Period
from gecholog.quota.subject import DAY, MINUTE, REQUESTS
from gecholog.quota.usage_table import UsageTable
from gecholog.quota.window import CalendarWindow
from services.gui.ledger.amounts import usd_shown, whole

BUCKET = "quotas"
NEAR_PERCENT = 80
"""From here on a budget is shown as nearly used up; the gateway reports the same mark."""

_PICO_IN_NANO = 1000


@dataclass(frozen=True, slots=True)
class Use:
    """One limit and what is used of it. `resets` is Unix time, None where it never begins anew.

    `unit` is `usd` (in nano-USD), `tokens`, `calls` or `at a time`; `period` is such as `month` or `minute`.
    """

    unit: str
    period: str
    used: int
    limit: int
    reserved: int = 0
    resets: float | None = None
    is_budget: bool = False

    @property
    def percent(self) -> int:
        """How much is used, rounded down: 100 is only what is used up."""
        return 100 * self.used // self.limit

    @property
    def state(self) -> str:
        """`reached`, `near` or `ok`."""
        return "reached" if self.used >= self.limit else "near" if self.percent >= NEAR_PERCENT else "ok"

    @property
    def shown(self) -> str:
        """Used and limit in words."""
        return f"{self._amount(self.used)} of {self._amount(self.limit)}"

    @property
    def exact(self) -> str:
        """Used and limit with all digits."""
        if self.unit == "usd":
            return f"{usd_text(self.used)} of {usd_text(self.limit)} USD"
        return f"{self.used} of {self.limit} {self.unit}"

    @property
    def per(self) -> str:
        """The rest of the limit in words: `tokens per minute`, `a month`."""
        if self.unit == "at a time":
            return "calls at a time"
        unit = "" if self.unit == "usd" else f"{self.unit} "
        return f"{unit}in total" if self.period == Period.TOTAL.value else f"{unit}per {self.period}"

    def _amount(self, number: int) -> str:
        return usd_shown(number * _PICO_IN_NANO) if self.unit == "usd" else str(whole(number).striptags())


@dataclass(frozen=True, slots=True)
class Spender:
    """A client key or an owner with limits. `kind` is `key` or `owner`, `id` the id of the key or the owner's name."""

    kind: str
    id: str
    name: str
    uses: tuple[Use, ...]

    @property
    def budget(self) -> Use | None:
        return next((one for one in self.uses if one.is_budget), None)

    @property
    def state(self) -> str:
        """The worst state of its limits."""
        states = {one.state for one in self.uses}
        return next((one for one in ("reached", "near") if one in states), "ok")


@dataclass(frozen=True, slots=True)
class Spending:
    """All keys and owners with what they have used. `contents` is what the bucket of keys has."""

    contents: Contents
    spenders: tuple[Spender, ...]
    by_id: dict[tuple[str, str], Spender] = field(default_factory=dict)

    def warnings(self) -> list[Spender]:
        """Those whose budget is nearly or wholly used up, the fullest first."""
        found = [one for one in self.spenders if one.budget is not None and one.budget.state != "ok"]
        return sorted(found, key=lambda one: (-_share(one), one.kind, one.name, one.id))


def _share(spender: Spender) -> float:
    budget = spender.budget
    return budget.used / budget.limit if budget is not None else 0.0


def spending_of(contents: Contents, counted: UsageTable, now: float) -> Spending:
    """What the entries of the bucket of keys have used, by the counts. Pure."""
    found = tuple(_spenders(contents, counted, int(now * 1000)))
    return Spending(contents, found, {(one.kind, one.id): one for one in found})


def _spenders(contents: Contents, counted: UsageTable, now_ms: int) -> Iterator[Spender]:
    entries: list[KeyEntry | OwnerEntry] = [*contents.keys.values(), *contents.owners.values()]
    for entry in entries:
        kind, name = ("key", entry.id) if isinstance(entry, KeyEntry) else ("owner", entry.name)
        if uses := tuple(_uses(entry.limits, f"{kind}.{name}", counted, now_ms)):
            yield Spender(kind, name, entry.name or name, uses)


def _uses(limits: Limits, subject: str, counted: UsageTable, now_ms: int) -> Iterator[Use]:
    quotas, held = limits.quotas, counted.held(subject, now_ms)
    if limits.budget is not None:
        yield _of_budget(limits.budget, subject, counted, now_ms)
    minute, day = counted.meter(subject, MINUTE).used(now_ms), counted.meter(subject, DAY).used(now_ms)
    if quotas.tpm is not None:
        yield Use("tokens", "minute", minute.get(TOKENS, 0), quotas.tpm, held.tokens)
    if quotas.rpm is not None:
        yield Use("calls", "minute", minute.get(REQUESTS, 0), quotas.rpm)
    if quotas.rpd is not None:
        ends = CalendarWindow(Period.DAY).leaves(now_ms) / 1000
        yield Use("calls", "day", day.get(REQUESTS, 0), quotas.rpd, resets=ends)
    if quotas.concurrency is not None:
        yield Use("at a time", "", held.calls, quotas.concurrency)


def _of_budget(budget: Budget, subject: str, counted: UsageTable, now_ms: int) -> Use:
    held = counted.held(subject, now_ms)
    ends = CalendarWindow(budget.period, budget.time_zone).leaves(now_ms)
    return Use(
        "tokens" if budget.is_tokens else "usd",
        budget.period.value,
        counted.spent(subject, budget, now_ms),
        budget.amount,
        held.tokens if budget.is_tokens else held.nano_usd,
        None if budget.period is Period.TOTAL else ends / 1000,
        is_budget=True,
    )


# -------------------------------------------------------------------- the bus


class _Usage(msgspec.Struct):
    uses: tuple[tuple[int, dict[str, int]], ...]
    until: int


_decode = msgspec.json.Decoder(_Usage).decode


async def read(where: GatewayBus, now: float) -> Spending:
    """Read keys, owners and counts. Raises BusError."""
    contents, counted = await asyncio.gather(_contents(where), counts(where, now))
    return spending_of(contents, counted, now)


async def _contents(where: GatewayBus) -> Contents:
    async with key_store.opened(where.address, where.storage) as store:
        return await store.read()


async def counts(where: GatewayBus, now: float) -> UsageTable:
    """The counts of all replicas of a gateway; nothing if no gateway has counted yet. Raises BusError."""
    counted = UsageTable()
    async with connected(where.address, "spent") as client:
        try:
            await _read_counts(client, where, counted, int(now * 1000))
        except BucketNotFoundError:
            return counted
        except (Error, JetStreamError, TimeoutError) as error:
            raise BusError(f"the bus refused: {error}" if str(error) else "the bus does not answer") from error
    return counted


async def _read_counts(client: Client, where: GatewayBus, counted: UsageTable, now_ms: int) -> None:
    bucket = await client.jetstream().key_value(where.storage.bucket(BUCKET))
    for entry in await key_store.all_entries(bucket):
        if not entry.operation and entry.value:
            add_count(counted, where.topic, entry.key, entry.value, now_ms)


def add_count(counted: UsageTable, topic: str, key: str, value: bytes, now_ms: int) -> None:
    """Add the counts of a replica from an entry of the bucket. What is none, or of another topic, is ignored."""
    prefix = f"{topic}."
    if not key.startswith(prefix):
        return
    part, _, replica = key.removeprefix(prefix).rpartition(".")
    try:
        usage = _decode(value)
        counted.merge(part, replica, ReplicaUsage(usage.uses, usage.until), now_ms)
    except (msgspec.MsgspecError, ValueError):
        return
