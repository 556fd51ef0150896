"""What the web interface counts of itself, for Prometheus. No label has a name of a user, an address or a value."""

from __future__ import annotations

from gecholog.metrics import process
from gecholog.metrics.family import Family, Kind
from gecholog.metrics.instruments import Instruments
from gecholog.metrics.snapshot import Series, Snapshot, merge

_NANO = 1_000_000_000
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})  # clients may send any word
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

REQUESTS = Family(
    "gecholog_gui_requests_total", Kind.COUNTER, "Requests by route and status", ("method", "route", "status")
)
DURATION = Family(
    "gecholog_gui_request_duration_seconds",
    Kind.HISTOGRAM,
    "Duration of requests for pages, forms and the API",
    ("kind",),
    scale=_NANO,
    bounds=_SECONDS,
)
SIGN_INS = Family("gecholog_gui_sign_ins_total", Kind.COUNTER, "Attempts to sign in", ("result",))
SESSIONS = Family("gecholog_gui_sessions", Kind.GAUGE, "Sessions that have not ended")
LIVE = Family("gecholog_gui_live_views", Kind.GAUGE, "Browsers that watch live calls")
BUS = Family("gecholog_gui_bus_connected", Kind.GAUGE, "1 if the bus is reached")


class GuiMetrics:
    """The counters of a process."""

    def __init__(self) -> None:
        self._instruments = Instruments()
        self._requests = self._instruments.counter(REQUESTS)
        self._durations = self._instruments.histogram(DURATION)
        self._sign_ins = self._instruments.counter(SIGN_INS)

    def request(self, method: str, route: str, status: int, kind: str, duration_s: float) -> None:
        """Count a request. `route` is the path of the route, with its variables as such."""
        self._requests.of(method if method in _METHODS else "other", route, str(status)).value += 1
        if kind:
            self._durations.of(kind).observe(int(duration_s * _NANO))

    def sign_in(self, result: str) -> None:
        """Count an attempt to sign in: `ok`, `wrong`, `locked` or `busy`."""
        self._sign_ins.of(result).value += 1

    def snapshot(self, sessions: int, live: int, *, is_connected: bool) -> Snapshot:
        """All metrics at this moment, with those of the process."""
        gauges: dict[Family, Series] = {
            SESSIONS: {(): sessions},
            LIVE: {(): live},
            BUS: {(): int(is_connected)},
        }
        return merge((self._instruments.snapshot(), Snapshot(gauges), process.snapshot()))
