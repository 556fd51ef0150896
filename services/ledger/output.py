"""What the command prints. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gecholog.ledger.answers import Call, CallDetail, ErrorCount, Group, Latency, Totals, plain
from gecholog.ledger.export import exported
from gecholog.ledger.filters import SECOND_US
from gecholog.ledger.money import PICO, usd_text
from gecholog.ledger.outcome import ERROR_CLASSES

_DIM, _RED, _BOLD, _PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[1m", "\x1b[0m"
_REST = "(others)"
_NONE = "-"


class Palette:
    """Colours, if the output is a terminal."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def _with(self, code: str, text: str) -> str:
        return f"{code}{text}{_PLAIN}" if self._colours else text

    def dim(self, text: str) -> str:
        return self._with(_DIM, text)

    def red(self, text: str) -> str:
        return self._with(_RED, text)

    def bold(self, text: str) -> str:
        return self._with(_BOLD, text)


@dataclass(frozen=True, slots=True)
class Stats:
    """What `stats` shows. `by` is the name of what the groups are grouped by."""

    totals: Totals
    latency: Sequence[Latency]
    groups: Sequence[Group]
    errors: Sequence[ErrorCount]
    by: str


def stats(found: Stats, palette: Palette) -> str:
    """Sums, percentiles, the largest groups and the errors, for a terminal."""
    totals, latency, groups, errors = found.totals, found.latency, found.groups, found.errors
    failed = f"{totals.errors:,} ({_share(totals.errors, totals.calls)})"
    tokens_in = f"{totals.prompt_tokens:,} (cached {totals.cached_tokens:,})"
    tokens_out = f"{totals.completion_tokens:,} (reasoning {totals.reasoning_tokens:,})"
    unpriced = f"   {totals.unpriced:,} calls of models without a price" if totals.unpriced else ""
    lines = [
        f"{palette.bold('calls')}    {totals.calls:,}   failed {failed}",
        f"{palette.bold('tokens')}   {totals.total_tokens:,}   in {tokens_in}   out {tokens_out}",
        f"{palette.bold('cost')}     {money(totals.cost_pico)} USD{unpriced}",
    ]
    if latency:
        texts = [f"p{percent} {duration(latency[0].percentile_us(percent))}" for percent in (50, 95, 99)]
        lines.append(f"{palette.bold('latency')}  {'   '.join(texts)}")
    rows = [_group_row(group) for group in groups]
    if rows:
        heads = (found.by.upper(), "CALLS", "FAILED", "TOKENS", "USD", "MEAN")
        lines += ["", table(heads, rows, palette, right=frozenset(range(1, 6))).rstrip("\n")]
    if errors:
        rows = [
            (
                _shown(one.error_class),
                str(one.status or _NONE),
                f"{one.calls:,}",
                ERROR_CLASSES.get(one.error_class, ""),
            )
            for one in errors
        ]
        lines += ["", table(("ERROR", "STATUS", "CALLS", "MEANING"), rows, palette, right=frozenset({2})).rstrip("\n")]
    return "\n".join(lines) + "\n"


def _group_row(group: Group) -> tuple[str, ...]:
    sums = group.totals
    name = _REST if group.is_rest else _shown(f"{group.key} ({group.name})" if group.name else group.key or _NONE)
    mean = duration(sums.mean_duration_us)
    return (name, f"{sums.calls:,}", f"{sums.errors:,}", f"{sums.total_tokens:,}", money(sums.cost_pico), mean)


def call_line(call: Call, palette: Palette, *, utc: bool) -> str:
    """A call on one line."""
    status = f"{call.status or _NONE:>3}"
    cost = _NONE if call.cost_pico is None else money(call.cost_pico)
    tokens = _NONE if call.total_tokens is None else f"{call.total_tokens:,}"
    parts = (
        palette.dim(moment(call.started_us, utc=utc)),
        palette.red(status) if call.error_class else status,
        f"{duration(call.duration_us):>8}",
        f"{tokens:>9}",
        f"{cost:>10}",
        _shown(call.router),
        _shown(f"{call.provider}/{call.model}" if call.model else call.provider),
        _shown(call.client_name or call.client_key),
        palette.red(call.error_class) if call.error_class else "",
        palette.dim(call.id),
    )
    return "  ".join(part for part in parts if part)


def details(found: CallDetail, palette: Palette, *, utc: bool) -> str:
    """A call, one field a line, then its attempts."""
    call = found.call
    fields = {name: value for name, value in plain(call).items() if value not in (None, "", [])}
    fields["started"] = moment(fields.pop("started_us"), utc=utc)
    for name in ("duration_us", "upstream_us", "first_chunk_us", "overhead_us"):
        if name in fields:
            fields[name.removesuffix("_us")] = duration(fields.pop(name))
    for name in ("cost_pico", "extra_cost_pico"):
        if name in fields:
            fields[name.replace("_pico", "")] = f"{usd_text(fields.pop(name))} USD"
    del fields["latency_bucket"], fields["status_class"]
    width = max(map(len, fields))
    text = "".join(
        f"{palette.bold(f'{name:{width}}')}  {_shown(_text(value))}\n" for name, value in sorted(fields.items())
    )
    rows = [
        (
            str(one.number),
            _shown(f"{one.provider}/{one.model}" if one.model else one.provider),
            str(one.status or _NONE),
            duration(one.duration_us),
            _NONE if one.cost_pico is None else money(one.cost_pico),
            _shown(one.error),
        )
        for one in found.attempts
    ]
    if rows:
        text += "\n" + table(("ATTEMPT", "MODEL", "STATUS", "TOOK", "USD", "ERROR"), rows, palette)
    for name, payload in (("request", found.request_payload), ("response", found.response_payload)):
        if payload is not None:
            text += f"\n{palette.bold(name)}\n{_shown(payload.decode('utf-8', 'replace'))}\n"
    return text


def payload_note(source: str, note: str) -> str:
    """Where the payloads are from, or why there are none."""
    return f"\npayloads are from the {source}\n" if source else f"\npayloads are not shown: {note}\n"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# ---------------------------------------------------------------- export


def json_line(call: Call) -> str:
    """A call as a line of JSON."""
    return orjson.dumps(exported(call)).decode() + "\n"


# ---------------------------------------------------------------- values


def money(pico: int) -> str:
    """Pico-USD with as many decimals as people read."""
    usd = pico / PICO
    return f"{usd:,.2f}" if usd >= 1 or not pico else f"{usd:.6f}"


def duration(microseconds: int | None) -> str:
    """A duration for people: 12 ms, 3.4 s, 2 min."""
    if microseconds is None:
        return _NONE
    if microseconds < SECOND_US:
        return f"{microseconds / 1000:.1f} ms" if microseconds < 10_000 else f"{microseconds // 1000} ms"  # noqa: PLR2004
    seconds = microseconds / SECOND_US
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004


def moment(microseconds: int, *, utc: bool) -> str:
    """A time with milliseconds, in local time or in UTC."""
    seconds, rest = divmod(microseconds, SECOND_US)
    parts = time.gmtime(seconds) if utc else time.localtime(seconds)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', parts)}.{rest // 1000:03d}{'Z' if utc else ''}"


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], palette: Palette, right: frozenset[int] = frozenset()
) -> str:
    """A table with columns as wide as they have to be; those of `right` are aligned to the right."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        cells = (
            f"{text:>{width}}" if place in right else f"{text:{width}}"
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    return "".join(f"{text}\n" for text in (palette.dim(line(heads)), *map(line, rows)))


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def _shown(text: str) -> str:
    """A text without characters that a terminal would act on."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)
