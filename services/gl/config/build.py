"""Builds the config objects from a parsed and valid gl_config.json."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from gecholog import logs, recordlog, regular_file
from gecholog.bus_address import BusAddress
from gecholog.bus_storage import BusStorage
from gecholog.config import ParsedConfig
from gecholog.headers import HOP_BY_HOP, canonical
from gecholog.llm import price_table
from gecholog.llm.prices import Prices
from gecholog.llm.tokenizer import counter
from gecholog.quota.limits import limits_of
from gecholog.router_path import meant
from gecholog.tls import OutboundTls
from services.gl.config import cores
from services.gl.config.config import OPEN, AdminConfig, Config, ListenerConfig, MetricsRules, Topics, UsageRules
from services.gl.config.milliseconds import seconds
from services.gl.config.routers import provider_routers, router_of
from services.gl.errors import ErrorFormat
from services.gl.limits import Limits
from services.gl.models.address import secret_headers
from services.gl.models.model import model_of
from services.gl.models.provider import provider_of
from services.gl.models.registry import Registry, nobody, registry_of
from services.gl.processor_chain import CONTROL_FIELDS, ProcessorChain
from services.gl.record.filter import FieldFilter
from services.gl.routing.key_rule import MAX_STALE_S
from services.gl.routing.routers import Router, Table

if TYPE_CHECKING:
    from collections.abc import Iterator


_MIB = 1024 * 1024


def build(parsed: ParsedConfig) -> Config:
    """The config of the service."""
    values = parsed.values
    masked = frozenset(canonical(name) for name in values.get("masked_headers", ()))
    removed = frozenset(canonical(name) for name in values.get("remove_headers", ()))
    masked_parameters = frozenset(values.get("masked_query_parameters", ()))
    routers = tuple(map(router_of, values["routers"]))
    models = _registry(values)
    session_header = canonical(values["session_id_header"])
    private = masked | {session_header}
    masked = masked.union(
        *map(secret_headers, models.providers.values()), _with_secrets(routers, models, parsed.secrets)
    )
    bus = values["service_bus"]
    address = BusAddress.of_section(bus)
    logs.protect(
        [*parsed.secrets, *address.credentials.secrets, *_secrets(routers, masked, masked_parameters), *_keys(models)]
    )
    return Config(
        gateway_id=values["gateway_id"],
        listener=_listener(values),
        admin=_admin(values),
        metrics=MetricsRules(values.get("metrics", {}).get("client_names", False)),
        outbound_tls=(tls := OutboundTls.of(values["tls"]["outbound"])),
        outbound_tls_digest=_outbound_tls_digest(tls),
        bus=address,
        storage=BusStorage.of_section(bus),
        topics=Topics(bus["topic"], bus["topic_exact_isalive"], bus["topic_exact_logger"]),
        session_header=session_header,
        masked=masked,
        masked_parameters=masked_parameters,
        removed=removed,
        never_forwarded=removed | HOP_BY_HOP | {"Host", "Expect"},
        log_unauthorized=values.get("log_unauthorized", False),
        keys_max_stale=values.get("keys", {}).get("max_stale_s", MAX_STALE_S),
        errors=ErrorFormat(values.get("errors", "plain")),
        usage=_usage(values.get("usage", {})),
        log_max_payload=values.get("log_max_payload_bytes", _MIB),
        log_repeats_payloads=values.get("logger", {}).get("unchanged_payloads", "repeat") == "repeat",
        journal_max_bytes=values.get("journal_max_bytes", 1024 * _MIB),
        record_log=recordlog.RecordLogConfig.of(values),
        trusted_proxies=tuple(ip_network(text) for text in values.get("trusted_proxies", ())),
        shutdown_time=values.get("shutdown_timeout_ms", 2500) / 1000,
        limits=_limits(values.get("limits", {})),
        quotas=limits_of(values),
        routers=Table(routers, _left_out(parsed)),
        models=models,
        prices=_prices() if models.providers or any(router.price_provider for router in routers) else None,
        prices_file=None if parsed.folder is None else parsed.folder / "prices.json",
        provider_routers=dict(provider_routers(values["routers"], routers, models.providers.values(), private)),
        serves_everybody=os.environ.get(OPEN) == "1",
        request=ProcessorChain.of(values.get("request", {}), control_fields=CONTROL_FIELDS),
        response=ProcessorChain.of(values.get("response", {})),
        log_request=_filter(values.get("logger", {}).get("request", {})),
        log_response=_filter(values.get("logger", {}).get("response", {})),
        workers=cores.workers(values.get("workers", 1)),
        log_level=values.get("log_level", "INFO"),
        source=parsed.origin,
    )


def _left_out(parsed: ParsedConfig) -> dict[str, str]:
    """The paths of left-out routers, with missing slashes added, and the reasons."""
    routers = [one for one in parsed.left_out if one.entry.list == "routers"]
    return {path: one.reason for one in routers if (path := meant(one.said))}


def _secrets(routers: tuple[Router, ...], masked: frozenset[str], parameters: frozenset[str]) -> Iterator[str]:
    for router in routers:
        for name in masked:
            yield from router.target.headers.get(name, ())
            yield from router.required_headers.get(name, ())
        for pair in (*router.target.query, *router.target.endpoint_query):
            if pair.name in parameters:
                yield from (pair.value, pair.raw.partition("=")[2])


def _with_secrets(routers: tuple[Router, ...], models: Registry, secrets: frozenset[str]) -> Iterator[str]:
    """The headers that have a secret of the store: they are masked, whatever `masked_headers` says."""
    added = [*(router.target.headers for router in routers), *(one.headers for one in models.providers.values())]
    for headers in added:
        for name, texts in headers.items():
            if any(secret in text for secret in secrets for text in texts):
                yield name


def _registry(values: dict[str, Any]) -> Registry:
    def enabled(field: str) -> Iterator[dict[str, Any]]:
        return (entry for entry in values.get(field, ()) if entry.get("enabled", True))

    sellers = price_table.shipped().sellers if values.get("providers") else nobody  # loading the table takes time
    return registry_of(map(provider_of, enabled("providers")), map(model_of, enabled("models")), sellers)


@cache
def _prices() -> Prices:
    """The shipped prices: loading them takes time, and so does finding a price for the first time."""
    return Prices(price_table.shipped())


def _keys(models: Registry) -> Iterator[str]:
    """The secrets of providers, which must not be logged: keys, and the values of added headers, which may be keys."""
    for provider in models.providers.values():
        if provider.api_key:
            yield provider.api_key
        if provider.entra_id is not None and provider.entra_id.client_secret:
            yield provider.entra_id.client_secret
        for header in provider.headers.values():
            yield from header


def _listener(values: dict[str, Any]) -> ListenerConfig:
    ingress = values["tls"]["ingress"]
    files = (ingress["certificate_file"], ingress["private_key_file"]) if ingress.get("enabled") else None
    return ListenerConfig(values.get("gl_host", ""), int(values["gl_port"]), files)


def _admin(values: dict[str, Any]) -> AdminConfig | None:
    return AdminConfig(values.get("admin_host", "127.0.0.1"), values["admin_port"]) if "admin_port" in values else None


def _outbound_tls_digest(tls: OutboundTls) -> str:
    """A digest of the outbound TLS settings and the contents of the certificate files."""
    digest = hashlib.sha256(f"{tls.insecure} {tls.system_cert_pool}".encode())
    for file in tls.cert_files:
        digest.update(regular_file.read_bytes(file))
    return digest.hexdigest()


def _limits(values: dict[str, Any]) -> Limits:
    default = Limits()
    return Limits(
        request_body=values.get("request_body_bytes", default.request_body),
        request_head=values.get("request_head_bytes", default.request_head),
        response_buffer=values.get("response_buffer_bytes", default.response_buffer),
        request_head_time=seconds(values, "request_head_timeout_ms", default.request_head_time),
        request_body_time=seconds(values, "request_body_timeout_ms", default.request_body_time),
        idle_time=seconds(values, "idle_timeout_ms", default.idle_time),
        handshake_time=seconds(values, "tls_handshake_timeout_ms", None) or default.handshake_time,
        connections=values.get("connections", default.connections),
        inflight_body=values.get("inflight_body_bytes", default.inflight_body),
    )


def _usage(values: dict[str, Any]) -> UsageRules:
    default = UsageRules()
    linger = values["linger_ms"] / 1000 if "linger_ms" in values else default.linger
    return UsageRules(
        values.get("token_count", default.token_count), linger, counter() if values.get("estimate") else None
    )


def _filter(values: dict[str, Any]) -> FieldFilter:
    return FieldFilter(tuple(values.get("fields_include", ())), frozenset(values.get("fields_exclude", ())))
