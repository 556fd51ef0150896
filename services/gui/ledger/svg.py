"""Bars and donuts as inline SVG, without scripts and styles. The text beside them says the same. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_WIDTH, _HEIGHT = 1000.0, 220.0
_RADIUS = 42.0
COLOURS = 8
"""Slices have the classes `slice-0` and so on; the last colour is that of all others."""


@dataclass(frozen=True, slots=True)
class Part:
    """A bar or a slice: its label, its size, and the size in words for its tooltip."""

    label: str
    size: int
    shown: str


def bars(parts: Sequence[Part], title: str) -> Markup:
    """Upright bars side by side, the highest of which fills the height. Every bar has a tooltip."""
    highest = max((part.size for part in parts), default=0)
    slot = _WIDTH / max(1, len(parts))
    width = max(1.0, slot * 0.72)
    drawn = Markup("").join(
        Markup(
            '<g class="bar-slot"><title>{}: {}</title><rect class="bar-hover" x="{:.1f}" y="0" width="{:.1f}" '
            'height="{:.0f}"/><rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"/></g>'
        ).format(
            part.label,
            part.shown,
            number * slot,
            slot,
            _HEIGHT,
            number * slot + (slot - width) / 2,
            _HEIGHT - height,
            width,
            height,
        )
        for number, part in enumerate(parts)
        for height in (_height(part.size, highest),)
    )
    return Markup(
        '<svg class="bars" viewBox="0 0 {:.0f} {:.0f}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<g class="grid">{}</g>{}</svg>'
    ).format(_WIDTH, _HEIGHT, title, _grid(), drawn)


def _grid() -> Markup:
    lines = (_HEIGHT * share / 4 for share in range(1, 4))
    return Markup("").join(
        Markup('<line x1="0" x2="{:.0f}" y1="{:.0f}" y2="{:.0f}"/>').format(_WIDTH, y, y) for y in lines
    )


def _height(size: int, highest: int) -> float:
    """What is more than nothing can be seen."""
    return max(2.0, _HEIGHT * size / highest) if size > 0 and highest else 0.0


def donut(parts: Sequence[Part], title: str) -> Markup:
    """A ring of slices, clockwise from the top. Slices of nothing are left out."""
    total = sum(part.size for part in parts)
    round_length = 2 * math.pi * _RADIUS
    begun = 0
    slices = []
    for number, part in enumerate(parts):
        if part.size > 0:
            length = round_length * part.size / total
            slices.append(
                Markup(
                    '<circle class="slice slice-{}" cx="60" cy="60" r="{:.0f}" stroke-dasharray="{:.2f} {:.2f}" '
                    'stroke-dashoffset="{:.2f}"><title>{}: {}</title></circle>'
                ).format(
                    min(number, COLOURS - 1),
                    _RADIUS,
                    max(0.6, length - (0.8 if length > 2 else 0.0)),  # noqa: PLR2004 - a gap between slices
                    round_length,
                    -round_length * begun / total,
                    part.label,
                    part.shown,
                )
            )
        begun += part.size
    return Markup(
        '<svg class="donut" viewBox="0 0 120 120" role="img" aria-label="{}">'
        '<circle class="ring" cx="60" cy="60" r="{:.0f}"/><g transform="rotate(-90 60 60)">{}</g></svg>'
    ).format(title, _RADIUS, Markup("").join(slices))


def meter(part: int, whole: int, css: str = "") -> Markup:
    """A horizontal bar of which a part is filled. It is decoration: the text beside it says the same."""
    width = 0.0 if whole <= 0 or part <= 0 else min(100.0, max(1.0, 100.0 * part / whole))
    return Markup(
        '<svg class="meter {}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="6"/><rect class="fill" width="{:.1f}" height="6"/></svg>'
    ).format(css, width)
