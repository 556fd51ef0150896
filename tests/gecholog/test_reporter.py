"""Paths as people read them."""

from gecholog.reporter import dotted


def test_dotted():
    """Names are divided by dots, indices stand in brackets; the file as a whole has no path."""
    assert dotted(("routers", 2, "outbound", "url")) == "routers[2].outbound.url"
    assert dotted((0, "a")) == "[0].a"
    assert dotted(()) == ""
