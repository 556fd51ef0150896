"""Made calls for tests of the ledger, the same for the same seed, and what a question about them has to answer."""

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gecholog.ledger.answers import Totals
from gecholog.ledger.filters import CallFilter
from gecholog.ledger.histogram import bucket_of
from gecholog.ledger.outcome import error_class_of
from gecholog.ledger.rows import AttemptRow, CallRow
from gecholog.ledger.tables import COUNTS

_MODELS = [("openai", "gpt-4o"), ("openai", "gpt-4o-mini"), ("anthropic", "claude"), ("azure", "gpt-4o"), ("", "Zoë")]
_CLIENTS = [
    ("k1", "ci", "platform", ("a", "b")),
    ("k2", "shop", "sales", ()),
    ("k3", "x", "sales", ("b",)),
    ("",) * 3 + ((),),
]
_STATUSES = [200] * 14 + [429, 500, 503, 401, 400, None]


def made_calls(count: int, start_us: int, end_us: int, seed: int = 1) -> Iterator[CallRow]:
    """Calls with random values that begin from `start_us` until before `end_us`."""
    rng = random.Random(seed)
    for _ in range(count):
        yield made_call(rng, rng.randrange(start_us, end_us))


def made_call(rng: random.Random, started_us: int) -> CallRow:
    provider, model = rng.choice(_MODELS)
    key, name, owner, tags = rng.choice(_CLIENTS)
    status = rng.choice(_STATUSES)
    sent, streamed = status != 401, rng.random() < 0.3
    completed = status == 200 and rng.random() < 0.97
    duration = int(rng.lognormvariate(13, 2))
    prompt, completion = rng.randrange(20_000), rng.randrange(2_000)
    known = status == 200
    cost = rng.randrange(10**11) if known and model != "Zoë" else None
    call_id = f"{rng.getrandbits(128):032x}"
    attempt = AttemptRow(
        1, "/v1/", provider, model, "api.example.com", status, "", started_us, duration // 2, None, None, None
    )
    return CallRow(
        id=call_id,
        stream_sequence=rng.randrange(10**6),
        started_us=started_us,
        session_id=f"S{rng.randrange(50)}",
        transaction_id=f"T{call_id[:8]}",
        router=rng.choice(["/v1/", "/service/a/", "/service/B/"]),
        method="POST",
        endpoint="chat/completions",
        client_key=key,
        client_name=name,
        owner=owner,
        tags=tags,
        requested_model=model,
        provider=provider if sent else "",
        model=model if sent else "",
        status=status,
        status_class=0 if status is None else status // 100,
        error_class=error_class_of(status, status, sent=sent, completed=completed, client_left=False),
        streamed=streamed,
        completed=completed,
        attempt_count=1 if sent else 0,
        usage_source="provider" if known else "none",
        prompt_tokens=prompt if known else None,
        completion_tokens=completion if known else None,
        total_tokens=prompt + completion if known else None,
        cached_tokens=prompt // 2 if known else None,
        cache_creation_tokens=None,
        reasoning_tokens=completion // 3 if known else None,
        cost_pico=cost,
        extra_cost_pico=7 if cost and cost % 10 == 0 else 0,
        price_version="2026-11-30" if cost else "",
        duration_us=duration,
        upstream_us=duration // 2,
        first_chunk_us=duration // 3 if streamed else None,
        overhead_us=duration - duration // 2,
        latency_bucket=bucket_of(duration),
        request_bytes=rng.randrange(10**5),
        response_bytes=rng.randrange(10**5),
        failed_processors=("filter",) if rng.random() < 0.01 else (),
        attempts=(attempt,) if sent else (),
    )


def matches(call: CallRow, asked: CallFilter) -> bool:
    """Whether a call belongs to a filter, decided without SQL."""
    values: dict[str, Any] = {
        "router": call.router,
        "client": call.client_key,
        "owner": call.owner,
        "provider": call.provider,
        "model": call.model,
        "status": call.status,
        "status_class": call.status_class,
        "error_class": call.error_class,
        "errors": bool(call.error_class),
        "session": call.session_id,
    }
    given = asked.given - {"tag"}
    in_range = asked.range.start_us <= call.started_us < asked.range.end_us
    tagged = asked.tag is None or asked.tag in call.tags
    return in_range and tagged and all(values[name] == getattr(asked, name) for name in given)


def totals_of(calls: Iterable[CallRow]) -> Totals:
    """The sums over calls, added up without SQL."""
    sums = dict.fromkeys(COUNTS, 0)
    for call in calls:
        for name in COUNTS:
            sums[name] += _VALUES[name](call) if name in _VALUES else getattr(call, name) or 0
    return Totals(**sums)


_VALUES: dict[str, Callable[[CallRow], int]] = {
    "calls": lambda _: 1,
    "errors": lambda call: int(bool(call.error_class)),
    "streamed": lambda call: int(call.streamed),
    "unpriced": lambda call: int(call.cost_pico is None and bool(call.total_tokens)),
}
