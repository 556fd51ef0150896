"""The certificate that callers see, and its renewal: files that were replaced are taken for new connections."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from gecholog.logs import Log
from gecholog.tls import ingress_context

if TYPE_CHECKING:
    import ssl

log = Log("certificate")

_LOOK_EVERY = 2.0  # seconds

Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate and its key, in the context of a listener. Connections that stand keep what they have."""

    def __init__(self, files: tuple[str, str], context: ssl.SSLContext) -> None:
        self._files = files
        self._context = context
        self._taken = _stamp(files)

    def renew(self) -> None:
        """Take the files as they are now. Raises OSError (ssl.SSLError among them) if they are not usable."""
        stamp = _stamp(self._files)
        ingress_context(*self._files)  # proves that the two go together before the live context is touched
        self._context.load_cert_chain(*self._files, password="")
        self._taken = stamp

    async def watch(self) -> None:
        """Look for renewed files, until cancelled. What is written at the moment is left until it stands still."""
        seen = self._taken
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            before, seen = seen, _stamp(self._files)
            if seen != before or seen in (self._taken, None):
                continue
            try:
                self.renew()
            except OSError as error:
                log.error("renewed certificate not taken", reason=getattr(error, "reason", None) or error.strerror)
                self._taken = seen  # said once
            else:
                log.info("renewed certificate in force")


def _stamp(files: tuple[str, str]) -> Stamp | None:
    """What changes when a file is replaced or written; None while one is missing."""
    try:
        facts = [Path(file).stat() for file in files]
    except OSError:
        return None
    return tuple((fact.st_ino, fact.st_mtime_ns, fact.st_size) for fact in facts)
