"""Draws results as an SVG image: lines over the sizes of bodies, and over the number of workers. Pure functions.

The image needs no script and no font, and follows the reader's light or dark theme.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bench import calls
from bench.calls import Case, Results
from bench.exchange import Exchange
from bench.load import Way

_WIDTH, _HEIGHT = 430, 300  # of a chart, in pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 40, 40
_LEGEND = 26  # pixels per row of the legend
_COLORS = ("#8a8f98", "#2f6fed", "#17a673", "#d9822b", "#b04ac0", "#d64550", "#0e9aa7", "#7a6ff0")
_CONNECTIONS = 32
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 } .title { font-weight: 600; font-size: 13px }
.grid { stroke: #d8dee4; stroke-width: 1 } .line { fill: none; stroke-width: 2.2 } .back { fill: #ffffff }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .grid { stroke: #30363d } .back { fill: #0d1117 } }
"""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with a logarithmic axis. Lines are by name; a value of None leaves a gap."""

    title: str
    ticks: Sequence[str]
    lines: dict[str, list[float | None]]


def of_calls(results: Results, ways: Sequence[Way]) -> str | None:
    """Return calls/s and p99 by size, and calls/s by workers, with 32 connections. None without such results."""
    bodies = sorted({case.bodies for case in results if case.connections == _CONNECTIONS})
    shown = [way for way in ways if way.key != "direct" and _is_line(results, way, bodies)]
    if not shown:
        return None
    charts = [
        _by_size(f"{title}, {_CONNECTIONS} connections", name, results, bodies, shown)
        for title, name in (("calls per second", "rate"), ("p99 in milliseconds", "p99"))
    ]
    names = [size.name for size in bodies]
    workers: dict[str, list[float | None]] = {
        name: [_value(results, Case(size, _CONNECTIONS, way), "rate") for way in ("b", "w")]
        for name, size in zip(names, bodies, strict=True)
    }
    charts.append(Chart("calls per second by workers", ("1 worker", "2 workers"), workers))
    return svg(charts)


def _is_line(results: Results, way: Way, bodies: Sequence[Exchange]) -> bool:
    """Tell whether a path was measured with several sizes, or is a peer, which has one."""
    sizes = sum(Case(size, _CONNECTIONS, way.key) in results for size in bodies)
    return sizes > 1 or (sizes == 1 and (len(way.key) > 1 or len(bodies) == 1))


def _by_size(title: str, name: str, results: Results, bodies: Sequence[Exchange], ways: Sequence[Way]) -> Chart:
    lines = {way.title: [_value(results, Case(size, _CONNECTIONS, way.key), name) for size in bodies] for way in ways}
    return Chart(title, [size.name.replace(" in, ", " / ").replace(" out", "") for size in bodies], lines)


def _value(results: Results, case: Case, name: str) -> float | None:
    return calls.middle(results[case], name) if case in results else None


def svg(charts: Sequence[Chart]) -> str:
    """Return an image with the charts beside each other."""
    rows = max(len(chart.lines) for chart in charts)
    width, height = _WIDTH * len(charts), _HEIGHT + (rows + 1) // 2 * _LEGEND
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape('; '.join(chart.title for chart in charts))}</title><style>{_STYLE}</style>",
        f'<rect class="back" width="{width}" height="{height}"/>',
    ]
    for number, chart in enumerate(charts):
        parts.append(f'<g transform="translate({number * _WIDTH},0)">{_chart(chart)}</g>')
    return "\n".join([*parts, "</svg>\n"])


def _chart(chart: Chart) -> str:
    values = [value for line in chart.lines.values() for value in line if value is not None and value > 0]
    if not values:
        return ""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)

    def x(place: int) -> float:
        steps = max(len(chart.ticks) - 1, 1)
        return _LEFT + 20 + (_WIDTH - _LEFT - _RIGHT - 40) * place / steps

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - math.log10(value)) / (high - low)

    parts = [f'<text class="title" x="{_LEFT}" y="22">{escape(chart.title)}</text>']
    for power in range(low, high + 1):
        level = y(10.0**power)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{level:.1f}" y2="{level:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{level + 4:.1f}" text-anchor="end">{_number(10.0**power)}</text>')
    for place, tick in enumerate(chart.ticks):
        parts.append(f'<text x="{x(place):.1f}" y="{_HEIGHT - 16}" text-anchor="middle">{escape(tick)}</text>')
    for number, (name, line) in enumerate(chart.lines.items()):
        color = _COLORS[number % len(_COLORS)]
        points = [(x(place), y(value)) for place, value in enumerate(line) if value is not None and value > 0]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        parts.append(f'<polyline class="line" stroke="{color}" points="{path}"/>')
        parts += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{color}"/>' for across, down in points]
        parts.append(_legend(number, name, color))
    return "".join(parts)


def _legend(number: int, name: str, color: str) -> str:
    across = _LEFT + number % 2 * (_WIDTH - _LEFT) / 2
    down = _HEIGHT + number // 2 * _LEGEND + 6
    key = f'<rect x="{across:.0f}" y="{down - 9}" width="12" height="4" fill="{color}"/>'
    return f'{key}<text x="{across + 18:.0f}" y="{down}">{escape(name)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
