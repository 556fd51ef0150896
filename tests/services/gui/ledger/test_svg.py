"""Bars and donuts."""

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from services.gui.ledger import svg
from services.gui.ledger.svg import Part

HOSTILE = '"><script>alert(1)</script>&'
PARTS = st.lists(st.builds(Part, st.text("<>&\"'ab", max_size=9), st.integers(0, 10**18), st.just("x")), max_size=40)


@given(PARTS)
def test_drawings_are_well_formed_and_inside_their_frame(parts):
    root = ET.fromstring(svg.bars(parts, HOSTILE))  # noqa: S314 - our own
    assert root.get("aria-label") == HOSTILE
    bars = [one for one in root.iter("rect") if one.get("class") == "bar"]
    assert len(bars) == len(parts)
    for part, bar in zip(parts, bars, strict=True):
        assert 0 <= float(bar.get("y")) <= 220
        assert (float(bar.get("height")) > 0) == (part.size > 0)
    ring = ET.fromstring(svg.donut(parts, HOSTILE))  # noqa: S314 - our own
    slices = [one for one in ring.iter("circle") if one.get("class") != "ring"]
    assert len(slices) == sum(part.size > 0 for part in parts)


def test_a_meter_is_full_at_most():
    assert 'width="100.0"' in svg.meter(500, 100)
    assert 'width="1.0"' in svg.meter(1, 10**9)
    assert 'class="fill" width="0.0"' in svg.meter(0, 0)
