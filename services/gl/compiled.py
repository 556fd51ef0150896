"""Tells whether the modules through which a call runs are compiled (`make compiled`)."""

from __future__ import annotations

from importlib.machinery import ExtensionFileLoader

from services.gl import pipeline


def is_compiled() -> bool:
    """Whether gl runs from compiled modules."""
    return isinstance(pipeline.__loader__, ExtensionFileLoader)
