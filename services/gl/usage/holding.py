"""Holds tokens and money for a call until it is settled, or refuses the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gl.quota.refusal import refusal_of

if TYPE_CHECKING:
    from gecholog.quota.accounts import Accounts
    from gecholog.quota.holds import Held
    from services.gl.dependencies import Dependencies


def hold(accounts: Accounts, wanted: Held, deps: Dependencies) -> None:
    """Hold what a call may use. Raises Refusal if that exceeds a limit."""
    if (exceeded := deps.quotas.reserve(accounts, wanted)) is not None:
        deps.metrics.limit_hit(exceeded.quota.name.lower())
        raise refusal_of(exceeded, deps.quotas.clock())
