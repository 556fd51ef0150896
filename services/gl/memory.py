"""Memory that calls with large bodies used goes back to the machine when they are over."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# malloc.h of glibc
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

_LARGE = 512 * 1024  # bytes from which on a block is mapped by itself
_TRIM = 16 * 1024 * 1024  # bytes that may be left free at the end of the heap


def give_back_large_blocks(environ: Mapping[str, str] = os.environ) -> bool:
    """Have glibc map large blocks one by one, so that to free them is to give them back (mallopt(3)); tell if it does.

    It does so by default from 128 KiB on, but raises that to the size of what is freed, up to 32 MiB: after the first
    large bodies the later ones are cut from the heap, which then has holes for ever. Other libraries, and a user's own
    settings in the environment, are left alone.
    """
    if _is_set_up(environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, _LARGE) and mallopt(_M_TRIM_THRESHOLD, _TRIM))


def give_back_free_pages(environ: Mapping[str, str] = os.environ) -> bool:
    """Give back the pages of the heap that are free (malloc_trim(3)); tell if there were any.

    Pieces of bodies are too small to be mapped one by one: what is freed between things that stay is kept by the heap.
    Takes about 10 ms for 100 MB, in which nobody else gets memory from the heap.
    """
    trim = None if _is_set_up(environ) else getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def _is_set_up(environ: Mapping[str, str]) -> bool:
    """Whether the user has set up malloc."""
    return any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in environ)
