"""Metrics for tests: those that a gateway shows, and what they have to be by its records."""

from collections import Counter
from decimal import Decimal

from prometheus_client.parser import text_string_to_metric_families

Sample = tuple[str, tuple[tuple[str, str], ...]]


def samples(text: str) -> dict[Sample, float]:
    """All samples of an exposition, by name and sorted labels."""
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def sample(name: str, **labels: str) -> Sample:
    """The key of a sample."""
    return name, tuple(sorted(labels.items()))


def of_records(records) -> dict[Sample, float]:
    """The counters that follow from records of calls on routers of models."""
    counted: Counter[Sample] = Counter()
    money: dict[Sample, Decimal] = {}
    for record in records:
        request, response = record["request"], record["response"]
        router = request.get("original_gl_path") or request["gl_path"]
        attempts = request.get("attempts") or []
        provider, model = (attempts[-1].get("provider", ""), attempts[-1].get("model", "")) if attempts else ("", "")
        seller = {"provider": provider, "model": model}
        status = str(response.get("egress_status_code", 499))
        counted[sample("gecholog_requests_total", router=router, status=status, **seller)] += 1
        counted[sample("gecholog_request_duration_seconds_count", router=router, **seller)] += 1
        counted[sample("http_requests_total", method=request["ingress_method"], path=router)] += 1
        usage = record["usage"]
        for kind in ("prompt", "completion", "total"):
            if count := usage.get(f"{kind}_tokens"):
                counted[sample(f"llm_gateway_{kind}_tokens_total", **seller)] += count
        for kind in ("prompt", "completion", "cached", "reasoning"):
            if count := usage.get(f"{kind}_tokens"):
                counted[sample("gecholog_tokens_total", type=kind, **seller)] += count
        if "cost" in record:
            key = sample("gecholog_cost_usd_total", owner="", **seller)
            money[key] = money.get(key, Decimal(0)) + Decimal(record["cost"]["usd"])
        for run in (*request.get("processors", ()), *response.get("processors", ())):
            outcome = "completed" if run["details"]["completed"] else "failed"
            key = sample("gecholog_processor_duration_seconds_count", processor=run["name"], outcome=outcome)
            counted[key] += 1
    return {**counted, **{key: float(value) for key, value in money.items()}}
