"""The server certificate. If its files are replaced, new connections get the new certificate."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from gecholog.logs import Log
from gecholog.tls import ingress_context

if TYPE_CHECKING:
    import ssl

log = Log("certificate")

_POLL_S = 2.0

Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate and its key, in the TLS context of a listener. Open connections are not affected."""

    def __init__(self, files: tuple[str, str], context: ssl.SSLContext) -> None:
        self._files = files
        self._context = context
        self._loaded = _stamp(files)

    def renew(self) -> None:
        """Load the files as they are now. Raises OSError (ssl.SSLError among them) if they cannot be used."""
        stamp = _stamp(self._files)
        ingress_context(*self._files)  # checks that the two match before the context in use changes
        self._context.load_cert_chain(*self._files, password="")
        self._loaded = stamp

    async def watch(self) -> None:
        """Load renewed files, until cancelled. Waits until files no longer change."""
        seen = self._loaded
        while True:
            await asyncio.sleep(_POLL_S)
            before, seen = seen, _stamp(self._files)
            if seen != before or seen in (self._loaded, None):
                continue
            try:
                self.renew()
            except OSError as error:
                log.error(
                    "cannot load the renewed certificate", reason=getattr(error, "reason", None) or error.strerror
                )
                self._loaded = seen  # logged once
            else:
                log.info("renewed certificate loaded")


def _stamp(files: tuple[str, str]) -> Stamp | None:
    """Changes when a file is replaced or written. None while a file is missing."""
    try:
        facts = [Path(file).stat() for file in files]
    except OSError:
        return None
    return tuple((fact.st_ino, fact.st_mtime_ns, fact.st_size) for fact in facts)
