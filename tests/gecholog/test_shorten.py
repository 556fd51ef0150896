"""Text for messages is cut to a length."""

from hypothesis import given
from hypothesis import strategies as st

from gecholog.shorten import shorten


@given(st.text(), st.integers(0, 20))
def test_shorten(text, longest):
    """Text that fits stays as it is; other text keeps its beginning and shows that something is missing."""
    shown = shorten(text, longest)
    assert shown == text if len(text) <= longest else shown == text[:longest] + "…"
