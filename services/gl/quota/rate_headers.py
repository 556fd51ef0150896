"""The headers that tell a client what is left of its quotas, by the names that OpenAI's clients know.

https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gecholog.quota.ledger import DAY, MINUTE, REQUESTS
from gecholog.quota.limits import TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gecholog.headers import Headers
    from gecholog.quota.ledger import Ledger, Subject

_OURS = "X-Ratelimit-"
_UPSTREAM = "X-Gecholog-Upstream-Ratelimit-"


class _Left(NamedTuple):
    """What is left of a quota, and when all of it is available again."""

    remaining: int
    limit: int
    reset: int


def rate_headers(subjects: Iterable[Subject], ledger: Ledger, now: int) -> Headers:
    """The headers about the quota of requests and that of tokens of which least is left; empty without quotas."""
    requests: list[_Left] = []
    tokens: list[_Left] = []
    for name, limits in subjects:
        quotas = limits.quotas
        if quotas.rpm is not None:
            requests.append(_left(ledger, name, MINUTE, REQUESTS, quotas.rpm, now))
        elif quotas.rpd is not None:
            requests.append(_left(ledger, name, DAY, REQUESTS, quotas.rpd, now))
        if quotas.tpm is not None:
            held = ledger.held(name, now).tokens
            tokens.append(_left(ledger, name, MINUTE, TOKENS, quotas.tpm, now, held))
    if not (requests or tokens):
        return {}
    found: Headers = {}
    for kind, left in (("Requests", requests), ("Tokens", tokens)):
        if left:
            least = min(left)
            found[f"{_OURS}Limit-{kind}"] = [str(least.limit)]
            found[f"{_OURS}Remaining-{kind}"] = [str(least.remaining)]
            found[f"{_OURS}Reset-{kind}"] = [f"{-(-max(0, least.reset - now) // 1000)}s"]
    return found


def moved(received: Headers) -> Headers:
    """The headers of a provider, of which those about its own limits have other names."""
    if not any(name.startswith(_OURS) for name in received):
        return received
    return {
        _UPSTREAM + name.removeprefix(_OURS) if name.startswith(_OURS) else name: values
        for name, values in received.items()
    }


def _left(  # noqa: PLR0913, PLR0917 - what is counted, and of whom
    ledger: Ledger, name: str, window: str, field: str, limit: int, now: int, held: int = 0
) -> _Left:
    meter = ledger.meter(name, window)
    return _Left(max(0, limit - meter.used(now).get(field, 0) - held), limit, meter.unused_at(now))
