"""The errors of the ledger."""

from __future__ import annotations

from gecholog.errors import GechologError


class LedgerError(GechologError):
    """The ledger cannot be used as it is configured. The message never has the password of its address."""
