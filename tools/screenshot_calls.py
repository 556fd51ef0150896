"""Made calls for the screenshots: two weeks of a small company, in the ledger, the same for the same seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

from gecholog.ledger.histogram import bucket_of
from gecholog.ledger.outcome import error_class_of
from gecholog.ledger.rows import AttemptRow, CallRow

DAYS = 14
_PER_DAY = 900
_DAY_US = 86_400_000_000
_PICO = 10**12
_LEAST_BUSY = 0.15  # of the noon, at night


class _Model(NamedTuple):
    provider: str
    name: str
    host: str
    weight: int
    milliseconds: int  # of a typical call
    input_usd: float  # for a million tokens
    output_usd: float


class Client(NamedTuple):
    """Who calls. `budget` is in the words of the form for client keys."""

    name: str
    owner: str
    tags: tuple[str, ...]
    budget: str
    weight: int


_MODELS = (
    _Model("anthropic", "claude-sonnet-4-5", "api.anthropic.com", 5, 2600, 3.0, 15.0),
    _Model("openai", "gpt-4o", "api.openai.com", 4, 1400, 2.5, 10.0),
    _Model("openai", "gpt-4o-mini", "api.openai.com", 9, 700, 0.15, 0.6),
    _Model("gemini", "gemini-2.5-flash", "generativelanguage.googleapis.com", 3, 900, 0.3, 2.5),
    _Model("ollama", "llama3.1", "ollama.internal", 2, 1900, 0.0, 0.0),
)
CLIENTS = (
    Client("shop-search", "sales", ("shop",), "150/month", 8),
    Client("support-bot", "support", ("chat",), "60/month", 6),
    Client("claude-code", "platform", ("agents",), "40/week", 4),
    Client("nightly-report", "finance", ("batch",), "5/day", 1),
)
_FAILURES = ((429, 8), (500, 3), (503, 2), (400, 4))  # of a thousand


def made_calls(keys: dict[str, str], now_us: int, seed: int = 1) -> Iterator[CallRow]:
    """Calls of the last `DAYS` days. `keys` are the ids of the client keys by their names."""
    rng = random.Random(seed)  # noqa: S311 - made data
    begin = now_us - DAYS * _DAY_US
    for _ in range(DAYS * _PER_DAY):
        started = begin + rng.randrange(DAYS * _DAY_US)
        hour = started % _DAY_US / _DAY_US * 24
        busy = _LEAST_BUSY + (1 - _LEAST_BUSY) * max(0.0, math.sin((hour - 6) / 14 * math.pi))
        if rng.random() < busy:
            yield _call(rng, started, keys)


def _call(rng: random.Random, started_us: int, keys: dict[str, str]) -> CallRow:
    model = rng.choices(_MODELS, [one.weight for one in _MODELS])[0]
    client = rng.choices(CLIENTS, [one.weight for one in CLIENTS])[0]
    status = rng.choices([200, *(one for one, _ in _FAILURES)], [983, *(weight for _, weight in _FAILURES)])[0]
    is_good = status == 200  # noqa: PLR2004 - HTTP
    duration = (
        int(rng.lognormvariate(math.log(model.milliseconds * 1000), 0.5)) if is_good else rng.randrange(9_000, 90_000)
    )
    prompt, completion = int(rng.lognormvariate(6.8, 0.9)), int(rng.lognormvariate(5.3, 0.7))
    cost = int((prompt * model.input_usd + completion * model.output_usd) * _PICO / 1_000_000)
    attempt = AttemptRow(
        1, "/v1/", model.provider, model.name, model.host, status, "", started_us, duration, prompt, completion, cost
    )
    call_id = f"{rng.getrandbits(128):032x}"
    streamed = rng.random() < 0.6  # noqa: PLR2004 - made data
    return CallRow(
        id=call_id,
        stream_sequence=rng.randrange(10**6),
        started_us=started_us,
        session_id=f"GECHO001_{started_us // _DAY_US}",
        transaction_id=f"GECHO001_{started_us}_{call_id[:4]}",
        router="/v1/",
        method="POST",
        endpoint="messages" if client.name == "claude-code" else "chat/completions",
        client_key=keys.get(client.name, ""),
        client_name=client.name,
        owner=client.owner,
        tags=client.tags,
        requested_model=model.name,
        provider=model.provider,
        model=model.name,
        status=status,
        status_class=status // 100,
        error_class=error_class_of(status, status, sent=True, completed=True, client_left=False),
        streamed=streamed and is_good,
        completed=True,
        attempt_count=1,
        usage_source="provider" if is_good else "none",
        prompt_tokens=prompt if is_good else None,
        completion_tokens=completion if is_good else None,
        total_tokens=prompt + completion if is_good else None,
        cached_tokens=None,
        cache_creation_tokens=None,
        reasoning_tokens=None,
        cost_pico=cost if is_good else None,
        extra_cost_pico=0,
        price_version="2026-11-30" if is_good else "",
        duration_us=duration,
        upstream_us=duration - 1500,
        first_chunk_us=duration // 4 if streamed and is_good else None,
        overhead_us=1500,
        latency_bucket=bucket_of(duration),
        request_bytes=prompt * 4,
        response_bytes=completion * 5,
        failed_processors=(),
        attempts=(attempt,),
    )
