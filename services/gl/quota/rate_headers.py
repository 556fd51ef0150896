"""The headers that tell a client what is left of its quotas, by the names that OpenAI's clients know.

https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gecholog.headers import Headers
    from gecholog.quota.account import Account
    from gecholog.quota.accounts import Accounts
    from gecholog.quota.holds import Holds
    from gecholog.quota.tally import Tally

_OURS = "X-Ratelimit-"
_UPSTREAM = "X-Gecholog-Upstream-Ratelimit-"


class _Left(NamedTuple):
    """What is left of a quota, and when all of it is available again."""

    remaining: int
    limit: int
    reset: int


class _Rate(NamedTuple):
    """A quota of requests, or of tokens if there are `holds` with what is reserved of them."""

    limit: int
    tally: Tally
    holds: Holds | None = None

    def left(self, now: int) -> _Left:
        """What is left of it."""
        limit, tally, holds = self
        if not tally.since <= now < tally.until:
            tally.refresh(now)
        used = tally.requests if holds is None else tally.tokens + holds.held(now).tokens
        return _Left(max(0, limit - used), limit, tally.unused_at(now))


class RateHeaders:
    """The headers about the quota of requests and that of tokens of which least is left, for some accounts."""

    def __init__(self, accounts: Accounts) -> None:
        kinds = {"Requests": _requests, "Tokens": _tokens}
        found = ((kind, [rate for account in accounts.each for rate in of(account)]) for kind, of in kinds.items())
        self._kinds = tuple(
            (f"{_OURS}Limit-{kind}", f"{_OURS}Remaining-{kind}", f"{_OURS}Reset-{kind}", rates)
            for kind, rates in found
            if rates
        )

    def at(self, now: int) -> Headers:
        """The headers at a time in milliseconds since 1970; empty without quotas."""
        headers: Headers = {}
        for limit, remaining, reset, rates in self._kinds:
            least = rates[0].left(now) if len(rates) == 1 else min(rate.left(now) for rate in rates)
            headers[limit] = [str(least.limit)]
            headers[remaining] = [str(least.remaining)]
            headers[reset] = [f"{-(-max(0, least.reset - now) // 1000)}s"]
        return headers


def _requests(account: Account) -> Iterator[_Rate]:
    quotas = account.subject.limits.quotas
    if quotas.rpm is not None:
        yield _Rate(quotas.rpm, account.minute)
    elif quotas.rpd is not None:
        yield _Rate(quotas.rpd, account.day)


def _tokens(account: Account) -> Iterator[_Rate]:
    if (tpm := account.subject.limits.quotas.tpm) is not None:
        yield _Rate(tpm, account.minute, account.holds)


def moved(received: Headers) -> Headers:
    """The headers of a provider, of which those about its own limits have other names."""
    if _OURS not in "\n".join(received):  # most: no name has a part of it
        return received
    return {
        _UPSTREAM + name.removeprefix(_OURS) if name.startswith(_OURS) else name: values
        for name, values in received.items()
    }
