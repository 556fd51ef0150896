"""The range of time that a page is about, as its address says: `range=7d`, or `from` and `to`, in a time zone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gecholog.ledger.filters import SECOND_US, TimeRange
from gecholog.ledger.rows import HOUR_US
from services.gui.time_zone import is_time_zone

RANGES = {
    "15m": ("15 minutes", 900),
    "1h": ("hour", 3600),
    "6h": ("6 hours", 21_600),
    "24h": ("24 hours", 86_400),
    "7d": ("7 days", 7 * 86_400),
    "30d": ("30 days", 30 * 86_400),
    "90d": ("90 days", 90 * 86_400),
}
"""The ranges that end now: their titles, and their lengths in seconds."""

CUSTOM = "custom"
_DAY_S = 86_400
_LAST_US = 253_370_764_800 * SECOND_US  # the year 9999 begins: the day after any earlier one is a date in any zone
_LONGEST_US = 3 * 366 * 24 * HOUR_US
_STEPS = {60: "minute", 300: "5 minutes", 900: "15 minutes", 3600: "hour", 21_600: "6 hours"}
_STEPS |= {_DAY_S: "day", 7 * _DAY_S: "week"}
_MOST_STEPS = 180
_DATE_LENGTH = len("2026-11-30")


class WrongSpan(ValueError):
    """The address names no range of time; the message says why."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range of time. `name` is a key of `RANGES`, or `CUSTOM`; `zone` is the name of a time zone.

    `is_named_zone`: the address names the zone, so links keep it.
    """

    name: str
    start_us: int
    end_us: int
    zone: str = "UTC"
    is_named_zone: bool = False

    @property
    def range(self) -> TimeRange:
        return TimeRange(self.start_us, self.end_us)

    @property
    def before(self) -> TimeRange:
        """The range of the same length that ends where this one starts."""
        return TimeRange(max(0, 2 * self.start_us - self.end_us), self.start_us)

    @property
    def time_zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def title(self) -> str:
        """The range in words, below the title of a page."""
        if self.name in RANGES:
            return f"Last {RANGES[self.name][0]}"
        return f"{self.text_of(self.start_us)} to {self.text_of(self.end_us)}"

    @property
    def step_seconds(self) -> int:
        """The length of the steps of a chart: the shortest that does not give too many of them."""
        seconds = (self.end_us - self.start_us) // SECOND_US
        return next((step for step in _STEPS if seconds <= step * _MOST_STEPS), max(_STEPS))

    @property
    def step_title(self) -> str:
        """A step in words: `minute`, `6 hours`."""
        return _STEPS[self.step_seconds]

    @property
    def query(self) -> dict[str, str]:
        """The span in an address."""
        zone = {"zone": self.zone} if self.is_named_zone else {}
        if self.name in RANGES:
            return {"range": self.name, **zone}
        return {"from": self.input_of(self.start_us), "to": self.input_of(self.end_us), "zone": self.zone}

    def local(self, at_us: int) -> datetime:
        """A time in the zone of the span."""
        return datetime.fromtimestamp(at_us // SECOND_US, self.time_zone)

    def text_of(self, at_us: int) -> str:
        """A time for people, in the zone of the span."""
        return self.local(at_us).strftime("%Y-%m-%d %H:%M")

    def input_of(self, at_us: int) -> str:
        """A time as in addresses and in fields for local times. With its offset where the clock shows it twice."""
        local = self.local(at_us)
        text = local.strftime("%Y-%m-%dT%H:%M:%S").removesuffix(":00")
        return text if local.fold == 0 else f"{text}{local:%z}"


def span_of(query: Mapping[str, str], now: float, usual: str, zone: str, *, whole_days: bool = False) -> Span:
    """The span of an address; without one, the range `usual` in the time zone `zone`.

    `whole_days`: ranges of days begin at midnight, and today is one of their days. Raises WrongSpan.
    """
    named = query.get("zone", "").strip()
    zone = checked_zone(named) if named else zone
    start, end = query.get("from", "").strip(), query.get("to", "").strip()
    if start or end:
        return _custom(start, end, now, zone, is_named=bool(named))
    name = query.get("range", "").strip() or usual
    if name not in RANGES:
        raise WrongSpan(f"the range must be one of {', '.join(RANGES)}, or have from and to")
    seconds = RANGES[name][1]
    end_us = _rounded_up(int(now * SECOND_US), seconds)
    start_us = end_us - seconds * SECOND_US
    if whole_days and seconds > _DAY_S:
        today = datetime.fromtimestamp(now, ZoneInfo(zone)).date()
        first = today - timedelta(days=seconds // _DAY_S - 1)
        start_us = _us(datetime.combine(first, time(), ZoneInfo(zone)))
    return Span(name, max(0, start_us), end_us, zone, bool(named))


def checked_zone(name: str) -> str:
    """The name of a time zone, if it is one. Raises WrongSpan."""
    if not is_time_zone(name):
        raise WrongSpan("the time zone must be a name such as UTC or Europe/Stockholm")
    return name


def _custom(start: str, end: str, now: float, zone: str, *, is_named: bool) -> Span:
    until = _moment(end, zone, "to", ends=True) if end else int(now * SECOND_US)
    since = _moment(start, zone, "from", ends=False) if start else max(0, until - _DAY_S * SECOND_US)
    if since >= until:
        raise WrongSpan("from must be before to")
    if until - since > _LONGEST_US:
        raise WrongSpan("the range must not be longer than three years")
    return Span(CUSTOM, since, until, zone, is_named)


def _moment(text: str, zone: str, field: str, *, ends: bool) -> int:
    """The time that a text names in a zone. A date means its midnight; the end of a range includes the day."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise WrongSpan(f"{field} must be a time such as 2026-11-30T12:00, or a date") from None
    if ends and len(text) == _DATE_LENGTH:
        at = _next_day(at)
    try:
        moment = _us(at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone)))
    except (OverflowError, ValueError):
        moment = -1
    if moment < 0:
        raise WrongSpan(f"{field} must be after 1970")
    if moment > _LAST_US:
        raise WrongSpan(f"{field} must be before the year 9999")
    return moment


def _next_day(at: datetime) -> datetime:
    try:
        return at + timedelta(days=1)
    except OverflowError:
        raise WrongSpan("to must be before the year 9999") from None


def _us(at: datetime) -> int:
    return round(at.astimezone(UTC).timestamp() * SECOND_US)


def _rounded_up(at_us: int, seconds: int) -> int:
    """The end of a range that ends now, so that those who ask at about the same time ask the same.

    It may be in the future a little, where there are no calls yet.
    """
    grid = max(1, seconds // 2000) * SECOND_US
    return -(-at_us // grid) * grid
