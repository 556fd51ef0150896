"""Returns memory to the operating system: that of large bodies, or of password checks, when they are over."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# malloc.h of glibc
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

_LARGE = 512 * 1024  # bytes; larger blocks are allocated by mmap
_TRIM = 16 * 1024 * 1024  # bytes that may be left free at the end of the heap


def return_large_blocks(environ: Mapping[str, str] = os.environ) -> bool:
    """Make glibc allocate large blocks by mmap, so that freeing them returns them (mallopt(3)). Tells whether it does.

    glibc does so by default for blocks over 128 KiB, but raises that threshold to the size of a freed block, up to
    32 MiB. After the first large bodies, later ones come from the heap and fragment it for good. Other C libraries, and
    settings of the user in the environment, are not changed.
    """
    return _set(environ, (_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, _TRIM))


def share_heap(environ: Mapping[str, str] = os.environ) -> bool:
    """Make all threads of this process allocate from one heap (mallopt(3)). Tells whether they do.

    By default each thread gets a heap of its own, which keeps what was once needed. For processes whose threads seldom
    allocate at the same time. Other C libraries, and settings of the user in the environment, are not changed.
    """
    return _set(environ, (_M_ARENA_MAX, 1))


def _set(environ: Mapping[str, str], *parameters: tuple[int, int]) -> bool:
    """Set parameters of malloc, one after the other until one cannot be set. Tells whether all of them are."""
    if _is_set_up(environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(name, value) for name, value in parameters)


def return_free_pages(environ: Mapping[str, str] = os.environ) -> bool:
    """Return the free pages of the heap (malloc_trim(3)). Returns whether there were any.

    Pieces of bodies are too small for mmap, and the heap keeps what is freed between blocks in use. Trimming 100 MB
    takes about 10 ms, during which other threads cannot allocate from the heap.
    """
    trim = None if _is_set_up(environ) else getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def _is_set_up(environ: Mapping[str, str]) -> bool:
    """Whether the user has set up malloc."""
    return any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in environ)
