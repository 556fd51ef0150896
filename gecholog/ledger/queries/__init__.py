"""The questions that the ledger answers. Each takes an open `Database` and a `CallFilter`, and returns `answers`.

    async with open_reader(from_environment()) as ledger:
        week = CallFilter(TimeRange.last(7 * 86_400, time.time()))
        for group in await top(ledger, week, Dimension.MODEL, order=Order.COST):
            print(group.key, usd_text(group.totals.cost_pico))

Sums of whole UTC days and hours come from roll-ups, the rest of a range from rows; the two agree to the last digit.
Questions about few fields read small roll-ups, any others the roll-up by groups of calls. A filter by session reads
rows.
"""

from gecholog.ledger.queries.choices import choices
from gecholog.ledger.queries.errors import error_breakdown
from gecholog.ledger.queries.history import call_by_id, history
from gecholog.ledger.queries.latency import latency, latency_series
from gecholog.ledger.queries.live import newest_number, since_number
from gecholog.ledger.queries.series import cost_by_day, time_series
from gecholog.ledger.queries.tags import top_tags
from gecholog.ledger.queries.totals import Order, top, totals, unpriced_models

__all__ = [
    "Order",
    "call_by_id",
    "choices",
    "cost_by_day",
    "error_breakdown",
    "history",
    "latency",
    "latency_series",
    "newest_number",
    "since_number",
    "time_series",
    "top",
    "top_tags",
    "totals",
    "unpriced_models",
]
