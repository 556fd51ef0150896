"""The latest calls in memory, and the browsers that watch them. Restarting the interface forgets them; sinks do not."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.gui.live.filters import CallFilter
from services.gui.live.record import CallSummary, NotARecord, summary
from services.gui.live.tally import Tally, Totals

MOST_CALLS = 500
_MOST_BYTES = 32 * 1024 * 1024  # of the records that are kept
_LARGEST_KEPT = 4 * 1024 * 1024  # a larger record is listed without its content
_QUEUE = 200  # calls that a slow browser may be behind


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call with the bytes of its record; None if that is too large to be kept."""

    summary: CallSummary
    record: bytes | None


class Watcher:
    """What one browser gets. `skipped` calls were not queued, because it is too slow."""

    def __init__(self, wanted: CallFilter, who: str = "") -> None:
        self.wanted = wanted
        self.who = who
        self.queue: asyncio.Queue[CallSummary | None] = asyncio.Queue(_QUEUE)
        self.skipped = 0


@dataclass(slots=True)
class ProviderCalls:
    """Calls whose last attempt went to a provider. `last_error` is the latest that failed."""

    totals: Totals = field(default_factory=Totals)
    last_error: CallSummary | None = None

    def add(self, call: CallSummary) -> None:
        """Count a call; they come in their order."""
        self.totals.add(call)
        if call.is_error:
            self.last_error = call


class LiveCalls:
    """The latest calls, and who watches them."""

    def __init__(self) -> None:
        self._calls: OrderedDict[str, LiveCall] = OrderedDict()
        self._bytes = 0
        self._watchers: set[Watcher] = set()
        self.tally = Tally()
        self.received = 0
        self.unreadable = 0

    def add(self, data: bytes) -> None:
        """Take a record from the bus. What is no record is counted, and otherwise ignored."""
        try:
            call = summary(data)
        except NotARecord:
            self.unreadable += 1
            return
        self.received += 1
        self.tally.add(call)
        self._forget(call.transaction_id)
        kept = data if len(data) <= _LARGEST_KEPT else None
        self._calls[call.transaction_id] = LiveCall(call, kept)
        self._bytes += len(kept or b"")
        while len(self._calls) > MOST_CALLS or self._bytes > _MOST_BYTES:
            self._forget(next(iter(self._calls)))
        for watcher in self._watchers:
            if watcher.wanted.fits(call):
                _offer(watcher, call)

    def latest(self, wanted: CallFilter, limit: int) -> Iterator[CallSummary]:
        """The latest calls that fit, the newest first."""
        left = limit
        for call in reversed(self._calls.values()):
            if left and wanted.fits(call.summary):
                left -= 1
                yield call.summary

    def by_provider(self) -> dict[str, ProviderCalls]:
        """What the calls in memory say about each provider."""
        found: dict[str, ProviderCalls] = defaultdict(ProviderCalls)
        for call in self._calls.values():
            if call.summary.provider:
                found[call.summary.provider].add(call.summary)
        return dict(found)

    def find(self, transaction_id: str) -> LiveCall | None:
        return self._calls.get(transaction_id)

    def watch(self, wanted: CallFilter, who: str = "") -> Watcher:
        """Begin to watch; `leave` ends it. `who` names the session."""
        watcher = Watcher(wanted, who)
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def watched_by(self, who: str) -> int:
        """How many watchers a session has."""
        return sum(watcher.who == who for watcher in self._watchers)

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    def end_watching(self) -> None:
        """Tell all watchers that it is over."""
        for watcher in list(self._watchers):
            while watcher.queue.full():
                watcher.queue.get_nowait()
            watcher.queue.put_nowait(None)

    def names(self) -> tuple[list[str], list[str]]:
        """The routers and the models of the calls in memory, for filters."""
        calls = deque(call.summary for call in self._calls.values())
        return sorted({call.router for call in calls}), sorted({call.model for call in calls if call.model})

    def _forget(self, transaction_id: str) -> None:
        call = self._calls.pop(transaction_id, None)
        if call is not None:
            self._bytes -= len(call.record or b"")


def _offer(watcher: Watcher, call: CallSummary) -> None:
    try:
        watcher.queue.put_nowait(call)
    except asyncio.QueueFull:
        watcher.skipped += 1
