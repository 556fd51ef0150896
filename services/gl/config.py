"""gl's config: what the file says, checked, as frozen objects."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gecholog import hostname, logs, recordlog, regular_file, schema
from gecholog.bus import BusAddress
from gecholog.config import ConfigSpec, ParsedConfig
from gecholog.duplicates import duplicates
from gecholog.errors import GechologError
from gecholog.headers import HOP_BY_HOP, canonical
from gecholog.llm import price_table
from gecholog.router_path import meant
from gecholog.tls import OutboundTls, ingress_context, outbound_context
from services.gl import config_warnings, routing
from services.gl.cors import ANY, Cors
from services.gl.errors import ErrorFormat
from services.gl.models import rules as model_rules
from services.gl.models.model import model_of
from services.gl.models.provider import provider_of
from services.gl.models.registry import Registry, registry_of
from services.gl.record.filter import FieldFilter
from services.gl.record.writer import RecordWriter
from services.gl.routing import PORTS
from services.gl.rows import ORDERS, Side

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from ipaddress import IPv4Network, IPv6Network

    from gecholog.schema import Violation

_MIB = 1024 * 1024
_TWICE = "must not hold the same name twice (letter case does not count)"
_BAD_IN_ENDPOINT = ("//", "..", "??", "./", "/=", "=/", "/?", "?/")


@dataclass(frozen=True, slots=True)
class Topics:
    """The subjects that gl uses."""

    own: str
    isalive: str
    logger: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What callers may send (bytes), and how long they may take (seconds; None is no limit)."""

    request_body: int = 100 * _MIB
    request_head: int = _MIB
    response_buffer: int = 32 * _MIB
    request_head_time: float | None = 30.0
    request_body_time: float | None = 60.0
    idle_time: float | None = 75.0
    handshake_time: float = 10.0
    connections: int = 10_000
    inflight_body: int = 1024 * _MIB


@dataclass(frozen=True, slots=True)
class UsageRules:
    """What is done about token usage. `linger` is how long gl waits for it when the client has left (seconds)."""

    token_count: bool = False
    linger: float = 1.0


@dataclass(frozen=True, slots=True)
class Listener:
    """Where callers connect. `tls` is compared by its files, not by their content."""

    host: str
    port: int
    tls_files: tuple[str, str] | None


@dataclass(frozen=True)
class Config:
    """The whole of gl_config.json. `outbound_tls_digest` tells whether `outbound_context` has changed."""

    gateway_id: str
    listener: Listener
    outbound_tls: OutboundTls
    outbound_tls_digest: str
    bus: BusAddress
    topics: Topics
    session_header: str
    masked: frozenset[str]
    masked_parameters: frozenset[str]
    removed: frozenset[str]
    never_forwarded: frozenset[str]
    log_unauthorized: bool
    errors: ErrorFormat
    usage: UsageRules
    log_max_payload: int
    journal_max_bytes: int
    record_log: recordlog.Limits | None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    shutdown_time: float
    limits: Limits
    routers: routing.Table
    models: Registry
    request: Side
    response: Side
    log_request: FieldFilter
    log_response: FieldFilter

    @cached_property
    def record_writer(self) -> RecordWriter:
        """What serializes records as this config wants them."""
        return RecordWriter(self.log_request, self.log_response, self.log_max_payload)

    def most_of_request(self, largest: int) -> int:
        """Bytes of a request's body up to which it is read; the bus takes messages of `largest`.

        What no processor may see and the record does not hold whole need not be read.
        """
        return largest if self.payload_seen[0] else min(self.log_max_payload, largest)

    def most_of_response(self, largest: int) -> int:
        """The same of an answer's body."""
        return largest if self.payload_seen[1] else min(self.log_max_payload, largest)

    @cached_property
    def payload_seen(self) -> tuple[bool, bool]:
        """Whether any processor may be given the payload of a request, and that of an answer."""
        return (
            self.request.sees("ingress_payload", "outbound_payload"),
            self.response.sees("inbound_payload", "egress_payload"),
        )

    @cached_property
    def ingress_tls(self) -> ssl.SSLContext | None:
        """How callers are met; None without TLS. Raises GechologError if its files cannot be used."""
        if self.listener.tls_files is None:
            return None
        try:
            return ingress_context(*self.listener.tls_files)
        except OSError as error:
            raise GechologError(f"tls.ingress {_unusable(error)}") from error

    @cached_property
    def outbound_context(self) -> ssl.SSLContext:
        """How targets are called. Raises GechologError if its files cannot be used."""
        try:
            return outbound_context(self.outbound_tls)
        except OSError as error:
            raise GechologError(f"tls.outbound.cert_files {_unusable(error)}") from error


def _unusable(error: OSError) -> str:
    return f"cannot be used: {getattr(error, 'reason', None) or error.strerror or type(error).__name__}"


def config_spec() -> ConfigSpec:
    """The schema of gl_config.json and the rules beside it."""
    file = Path(__file__).with_name("gl_config.schema.json")
    rules = (
        _different_topics,
        _ingress_files,
        _outbound_files,
        _certificates,
        _header_lists,
        _rows,
        _networks,
        _urls,
        _cors,
        *model_rules.RULES,
    )
    return ConfigSpec(schema.load(file), rules, remaining=(_one_path_one_router,), warnings=config_warnings.RULES)


# ------------------------------------------------------------------ rules


def _different_topics(values: dict[str, Any]) -> Iterator[Violation]:
    bus = values.get("service_bus", {})
    seen: dict[str, str] = {}
    for name in ("topic", "topic_exact_isalive", "topic_exact_logger"):
        if name in bus and (other := seen.setdefault(bus[name], name)) != name:
            yield ("service_bus", name), f"must differ from service_bus.{other}"


def _ingress_files(values: dict[str, Any]) -> Iterator[Violation]:
    ingress = values.get("tls", {}).get("ingress", {})
    if ingress.get("enabled"):
        for name in ("certificate_file", "private_key_file"):
            if reason := _unreadable(ingress.get(name, "")):
                yield ("tls", "ingress", name), f"must be a file that can be read, for TLS is enabled; it {reason}"


def _outbound_files(values: dict[str, Any]) -> Iterator[Violation]:
    files = values.get("tls", {}).get("outbound", {}).get("cert_files", [])
    for index, name in enumerate(files):
        if reason := _unreadable(name):
            yield ("tls", "outbound", "cert_files", index), f"must be a file that can be read; it {reason}"


def _certificates(values: dict[str, Any]) -> Iterator[Violation]:
    """What says that it is PEM (RFC 7468) has to be usable; what does not is refused when the config is taken."""
    tls = values.get("tls", {})
    ingress = tls.get("ingress", {})
    files = (ingress.get("certificate_file", ""), ingress.get("private_key_file", ""))
    if ingress.get("enabled") and all(map(_says_pem, files)):
        try:
            ingress_context(*files)
        except OSError as error:
            yield ("tls", "ingress"), _unusable(error)
    for index, name in enumerate(tls.get("outbound", {}).get("cert_files", [])):
        if _says_pem(name):
            try:
                outbound_context(OutboundTls(system_cert_pool=False, cert_files=(name,)))
            except OSError as error:
                yield ("tls", "outbound", "cert_files", index), _unusable(error)


def _says_pem(name: str) -> bool:
    try:
        return b"-----BEGIN " in regular_file.read_bytes(name)
    except OSError:
        return False


def _unreadable(name: str) -> str:
    """Why a file cannot be read; empty if it can."""
    return regular_file.why_not(name) if name else "is not named"


def _header_lists(values: dict[str, Any]) -> Iterator[Violation]:
    """Names are compared without case, so `Api-Key` and `api-key` are the same entry twice."""
    for field in ("masked_headers", "remove_headers"):
        if _has_twice(values.get(field, [])):
            yield (field,), _TWICE
    for index, router in enumerate(values.get("routers", [])):
        if _has_twice(router.get("outbound", {}).get("remove_headers", [])):
            yield ("routers", index, "outbound", "remove_headers"), _TWICE


def _has_twice(names: list[str]) -> bool:
    """Tell whether a name is there in two letter cases; that no text comes twice, the schema says."""
    return len({canonical(name) for name in names}) < len(set(names))


def _rows(values: dict[str, Any]) -> Iterator[Violation]:
    for side in ("request", "response"):
        for number, row in enumerate(values.get(side, {}).get("processors", [])):
            for field in ("name", "service_bus_topic"):
                place = (side, "processors", number)
                texts = [((*place, index, field), one[field]) for index, one in enumerate(row) if field in one]
                yield from duplicates(texts, f"two processors of a row must not have the same {field}")


def _networks(values: dict[str, Any]) -> Iterator[Violation]:
    for index, text in enumerate(values.get("trusted_proxies", [])):
        try:
            ip_network(text)
        except ValueError:
            yield ("trusted_proxies", index), "must be an address or a network such as 10.0.0.0/8"


def _urls(values: dict[str, Any]) -> Iterator[Violation]:
    for index, router in enumerate(values.get("routers", [])):
        outbound = router.get("outbound", {})
        if outbound.get("url"):
            try:
                reason = hostname.problem(routing.parse_target(outbound["url"], "", {}).origin.host)
            except ValueError:
                reason = "must be an http or https address"
            if reason:
                yield ("routers", index, "outbound", "url"), reason
        if any(part in outbound.get("endpoint", "") for part in _BAD_IN_ENDPOINT):
            yield ("routers", index, "outbound", "endpoint"), "must not hold " + " ".join(_BAD_IN_ENDPOINT)


def _cors(values: dict[str, Any]) -> Iterator[Violation]:
    for index, router in enumerate(values.get("routers", [])):
        place = ("routers", index, "ingress", "cors")
        rules = router.get("ingress", {}).get("cors", {})
        for field in ("allow_origins", "allow_methods", "allow_headers", "expose_headers"):
            listed = rules.get(field, [])
            if ANY in listed and len(listed) > 1:
                yield (*place, field), "must hold nothing beside *, which stands for all"
        for number, origin in enumerate(rules.get("allow_origins", [])):
            if any(origin.startswith(f"{scheme}:") and origin.endswith(f":{port}") for scheme, port in PORTS.items()):
                yield (*place, "allow_origins", number), "must leave out the scheme's own port, as browsers do"


def _one_path_one_router(values: dict[str, Any]) -> Iterator[Violation]:
    paths = [(("routers", index, "path"), router["path"]) for index, router in enumerate(values.get("routers", []))]
    return duplicates(paths, "two routers must not have the same path")


# ------------------------------------------------------------------ building


def build(parsed: ParsedConfig) -> Config:
    """The config of the service."""
    values = parsed.values
    masked = frozenset(canonical(name) for name in values.get("masked_headers", ()))
    removed = frozenset(canonical(name) for name in values.get("remove_headers", ()))
    masked_parameters = frozenset(values.get("masked_query_parameters", ()))
    routers = tuple(_router(entry) for entry in values["routers"])
    models = _registry(values)
    bus = values["service_bus"]
    logs.protect([bus["token"], *_secrets(routers, masked, masked_parameters), *_keys(models)])
    return Config(
        gateway_id=values["gateway_id"],
        listener=_listener(values),
        outbound_tls=(tls := OutboundTls.of(values["tls"]["outbound"])),
        outbound_tls_digest=_outbound_tls_digest(tls),
        bus=BusAddress(bus["hostname"], bus["token"]),
        topics=Topics(bus["topic"], bus["topic_exact_isalive"], bus["topic_exact_logger"]),
        session_header=canonical(values["session_id_header"]),
        masked=masked,
        masked_parameters=masked_parameters,
        removed=removed,
        never_forwarded=removed | HOP_BY_HOP | {"Host", "Expect"},
        log_unauthorized=values.get("log_unauthorized", False),
        errors=ErrorFormat(values.get("errors", "plain")),
        usage=_usage(values.get("usage", {})),
        log_max_payload=values.get("log_max_payload_bytes", _MIB),
        journal_max_bytes=values.get("journal_max_bytes", 1024 * _MIB),
        record_log=recordlog.Limits.of(values["record_log"]) if "record_log" in values else None,
        trusted_proxies=tuple(ip_network(text) for text in values.get("trusted_proxies", ())),
        shutdown_time=values.get("shutdown_timeout_ms", 2500) / 1000,
        limits=_limits(values.get("limits", {})),
        routers=routing.Table(routers, _left_out(parsed)),
        models=models,
        request=Side.of(values.get("request", {}), orders=ORDERS),
        response=Side.of(values.get("response", {})),
        log_request=_filter(values.get("logger", {}).get("request", {})),
        log_response=_filter(values.get("logger", {}).get("response", {})),
    )


def _left_out(parsed: ParsedConfig) -> dict[str, str]:
    """The paths of routers that are left out, also where a slash of a path is missing, and why they are."""
    routers = [one for one in parsed.left_out if one.entry.list == "routers"]
    return {path: one.reason for one in routers if (path := meant(one.said))}


def _secrets(routers: tuple[routing.Router, ...], masked: frozenset[str], parameters: frozenset[str]) -> Iterator[str]:
    for router in routers:
        for name in masked:
            yield from router.target.headers.get(name, ())
            yield from router.required_headers.get(name, ())
        for pair in (*router.target.query, *router.target.endpoint_query):
            if pair.name in parameters:
                yield from (pair.value, pair.raw.partition("=")[2])


def _registry(values: dict[str, Any]) -> Registry:
    def enabled(field: str) -> Iterator[dict[str, Any]]:
        return (entry for entry in values.get(field, ()) if entry.get("enabled", True))

    sellers = price_table.shipped().sellers
    return registry_of(map(provider_of, enabled("providers")), map(model_of, enabled("models")), sellers)


def _keys(models: Registry) -> Iterator[str]:
    """What of the providers must not be logged: keys, and the values of added headers, which may be keys as well."""
    for provider in models.providers.values():
        if provider.api_key:
            yield provider.api_key
        for header in provider.headers.values():
            yield from header


def _listener(values: dict[str, Any]) -> Listener:
    ingress = values["tls"]["ingress"]
    files = (ingress["certificate_file"], ingress["private_key_file"]) if ingress.get("enabled") else None
    return Listener(values.get("gl_host", ""), int(values["gl_port"]), files)


def _outbound_tls_digest(tls: OutboundTls) -> str:
    """Changes when the settings of outbound TLS do, or the content of a certificate file."""
    digest = hashlib.sha256(f"{tls.insecure} {tls.system_cert_pool}".encode())
    for file in tls.cert_files:
        digest.update(regular_file.read_bytes(file))
    return digest.hexdigest()


def _router(entry: dict[str, Any]) -> routing.Router:
    ingress = entry.get("ingress", {})
    required = ingress.get("headers", {})
    return routing.Router(
        path=entry["path"],
        required_headers={canonical(name): tuple(values) for name, values in required.items()},
        target=_target(entry["outbound"]),
        cors=Cors.of(ingress["cors"]) if "cors" in ingress else None,
        errors=ErrorFormat(entry["errors"]) if "errors" in entry else None,
        action=routing.action_of(entry["path"]),
    )


def _target(outbound: dict[str, Any]) -> routing.Target:
    static = {canonical(name): values for name, values in outbound.get("headers", {}).items()}
    target = routing.parse_target(
        outbound["url"],
        outbound.get("endpoint", ""),
        static,
        _timeouts(outbound.get("timeouts", {})),
        add_stream_usage=outbound.get("add_stream_usage", False),
    )
    removed = {canonical(name) for name in outbound.get("remove_headers", ())}
    return replace(target, removed=frozenset(removed - static.keys()))  # what the router sets goes out in any case


def _seconds(values: dict[str, Any], name: str, default: float | None) -> float | None:
    """Milliseconds of a field as seconds; 0 in the file is None here: no limit."""
    return (values[name] / 1000 or None) if name in values else default


def _timeouts(values: dict[str, Any]) -> routing.Timeouts:
    default = routing.Timeouts()
    return routing.Timeouts(
        connect=_seconds(values, "connect_ms", default.connect),
        first_byte=_seconds(values, "first_byte_ms", default.first_byte),
        between_chunks=_seconds(values, "between_chunks_ms", default.between_chunks),
        total=_seconds(values, "total_ms", default.total),
    )


def _limits(values: dict[str, Any]) -> Limits:
    default = Limits()
    return Limits(
        request_body=values.get("request_body_bytes", default.request_body),
        request_head=values.get("request_head_bytes", default.request_head),
        response_buffer=values.get("response_buffer_bytes", default.response_buffer),
        request_head_time=_seconds(values, "request_head_timeout_ms", default.request_head_time),
        request_body_time=_seconds(values, "request_body_timeout_ms", default.request_body_time),
        idle_time=_seconds(values, "idle_timeout_ms", default.idle_time),
        handshake_time=_seconds(values, "tls_handshake_timeout_ms", None) or default.handshake_time,
        connections=values.get("connections", default.connections),
        inflight_body=values.get("inflight_body_bytes", default.inflight_body),
    )


def _usage(values: dict[str, Any]) -> UsageRules:
    default = UsageRules()
    linger = values["linger_ms"] / 1000 if "linger_ms" in values else default.linger
    return UsageRules(values.get("token_count", default.token_count), linger)


def _filter(values: dict[str, Any]) -> FieldFilter:
    return FieldFilter(tuple(values.get("fields_include", ())), frozenset(values.get("fields_exclude", ())))
