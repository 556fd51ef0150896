"""Calls as they are exported, and lines of CSV that spreadsheets read as text. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from gecholog.ledger.answers import Call, plain
from gecholog.ledger.money import usd_text
from gecholog.timer import rfc3339

_DURATIONS = ("duration_us", "upstream_us", "first_chunk_us", "overhead_us")
# https://owasp.org/www-community/attacks/CSV_Injection; some spreadsheets skip spaces, and read full-width signs
_FULL_WIDTH = "\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
_FORMULA = frozenset("=+-@\t\r\n" + _FULL_WIDTH)


def exported(call: Call) -> dict[str, Any]:
    """A call as it is exported: exact USD, RFC 3339 times, milliseconds."""
    fields: dict[str, Any] = plain(call)
    fields["started"] = rfc3339(fields.pop("started_us") * 1000)
    fields["cost_usd"] = None if call.cost_pico is None else usd_text(call.cost_pico)
    fields["extra_cost_usd"] = usd_text(call.extra_cost_pico)
    for name in _DURATIONS:
        value = fields.pop(name)
        fields[name.replace("_us", "_ms")] = None if value is None else value / 1000
    for name in ("cost_pico", "extra_cost_pico", "latency_bucket"):
        del fields[name]
    return fields


def csv_line(values: Sequence[Any]) -> str:
    """A line of CSV. A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    text = io.StringIO()
    # the writer quotes what is in its line end, so that a carriage return alone does not begin a line
    csv.writer(text, lineterminator="\r\n").writerow([_cell(value) for value in values])
    return text.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value.lstrip(" ")[:1] in _FORMULA and value.strip(" "):
        return f"'{value}"
    return value
