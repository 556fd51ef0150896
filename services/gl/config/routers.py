"""Builds the routers from a parsed and valid gl_config.json. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gecholog.headers import canonical
from gecholog.quota.limits import limits_of
from services.gl.candidates.provider_target import provider_target
from services.gl.config.milliseconds import seconds
from services.gl.errors import ErrorFormat
from services.gl.images.rule import OFF, ImageRule
from services.gl.models.vendor import vendor_of_host
from services.gl.record.privacy import PayloadPrivacy
from services.gl.record.redaction import compiled
from services.gl.resilience.rules import ResilienceRules
from services.gl.routing.cors import Cors
from services.gl.routing.key_rule import KeyRule
from services.gl.routing.routers import Action, Router, Target, Timeouts, action_of, no_target, parse_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.gl.models.provider import Provider

_Entry = dict[str, Any]


def router_of(entry: _Entry) -> Router:
    """The router of an entry."""
    ingress, outbound = entry.get("ingress", {}), entry["outbound"]
    required = ingress.get("headers", {})
    has_models = "models" in outbound
    return Router(
        path=entry["path"],
        required_headers={canonical(name): tuple(values) for name, values in required.items()},
        target=no_target(_timeouts(outbound.get("timeouts", {}))) if has_models else _target(outbound),
        cors=Cors.of(ingress["cors"]) if "cors" in ingress else None,
        errors=_error_format(entry, has_models=has_models),
        action=Action.MODELS if has_models else action_of(entry["path"]),
        resilience=ResilienceRules.of(outbound),
        models=tuple(outbound.get("models", ())),
        default_provider=outbound.get("default_provider", ""),
        price_provider=outbound.get("price_provider")
        or vendor_of_host(urlsplit(outbound.get("url", "")).hostname or ""),
        fetch_images=ImageRule.of(outbound.get("fetch_images", OFF)),
        limits=limits_of(entry),
        keys=KeyRule(ingress.get("keys", KeyRule.OFF.value)),
        privacy=_privacy(entry),
        continues_trace=outbound.get("traceparent") == "continue",
    )


def _privacy(entry: _Entry) -> PayloadPrivacy | None:
    hides, patterns = not entry.get("record_payloads", True), tuple(map(compiled, entry.get("redact", ())))
    return PayloadPrivacy(hides, patterns) if hides or patterns else None


def _error_format(entry: _Entry, *, has_models: bool) -> ErrorFormat | None:
    """The error format of a router. Clients of models use OpenAI's or Anthropic's API, which have no plain errors."""
    if "errors" not in entry:
        return ErrorFormat.AUTO if has_models else None
    found = ErrorFormat(entry["errors"])
    return ErrorFormat.AUTO if has_models and found is ErrorFormat.PLAIN else found


def provider_routers(
    entries: Iterable[_Entry], routers: Iterable[Router], providers: Iterable[Provider], private: frozenset[str]
) -> Iterator[tuple[tuple[str, str], Router]]:
    """The router to each provider, for each router of models. The keys are path and provider name.

    `private` headers are not forwarded to providers.
    """
    known = [provider for provider in providers if provider.url]  # a provider without a URL cannot be called
    for entry, router in zip(entries, routers, strict=True):
        if router.action is Action.MODELS:
            outbound = entry["outbound"]
            for provider in known:
                times = _timeouts({**outbound.get("timeouts", {}), **provider.timeouts})
                target = provider_target(provider, outbound, times, private)
                yield (router.path, provider.name), replace(router, target=target, provider=provider.name)


def _target(outbound: _Entry) -> Target:
    static = {canonical(name): values for name, values in outbound.get("headers", {}).items()}
    target = parse_target(
        outbound["url"],
        outbound.get("endpoint", ""),
        static,
        _timeouts(outbound.get("timeouts", {})),
        add_stream_usage=outbound.get("add_stream_usage", False),
    )
    removed = {canonical(name) for name in outbound.get("remove_headers", ())}
    return replace(target, removed=frozenset(removed - static.keys()))  # headers that the router sets are always sent


def _timeouts(values: _Entry) -> Timeouts:
    default = Timeouts()
    return Timeouts(
        connect=seconds(values, "connect_ms", default.connect),
        first_byte=seconds(values, "first_byte_ms", default.first_byte),
        between_chunks=seconds(values, "between_chunks_ms", default.between_chunks),
        total=seconds(values, "total_ms", default.total),
    )
