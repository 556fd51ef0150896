"""The config as frozen objects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gecholog import recordlog
from gecholog.bus_address import BusAddress
from gecholog.bus_storage import BusStorage
from gecholog.config import ConfigSource
from gecholog.errors import GechologError
from gecholog.llm.prices import Prices
from gecholog.llm.tokenizer import Counter
from gecholog.quota.limits import Limits as QuotaLimits
from gecholog.quota.subject import Subject
from gecholog.tls import OutboundTls, ingress_context, outbound_context
from services.gl.candidates.table import CandidateTable
from services.gl.config.tls_files import unusable
from services.gl.errors import ErrorFormat
from services.gl.headers.rules import HeaderRules
from services.gl.limits import Limits
from services.gl.models.address import CREDENTIALS
from services.gl.models.registry import Registry
from services.gl.processor_chain import ProcessorChain
from services.gl.quota import subjects
from services.gl.record.filter import FieldFilter
from services.gl.record.writer import RecordWriter
from services.gl.routing.key_rule import KeyRule
from services.gl.routing.routers import Router, Table

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from ipaddress import IPv4Network, IPv6Network
    from pathlib import Path

OPEN = "GECHOLOG_OPEN_V1"
"""The environment variable that, as 1, lets everybody use the providers' keys through routers of models."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The subjects that gl uses."""

    own: str
    isalive: str
    logger: str


@dataclass(frozen=True, slots=True)
class UsageRules:
    """The rules for token usage.

    `linger` is how many seconds gl waits for it after the client has disconnected. `counter` counts tokens of answers
    that do not report them; None: they are not estimated.
    """

    token_count: bool = False
    linger: float = 1.0
    counter: Counter | None = None


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """The address for clients. TLS files are compared by name, not by content."""

    host: str
    port: int
    tls_files: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class AdminConfig:
    """The address at which metrics and health are served."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class MetricsRules:
    """What metrics show. `client_names`: owners and ids of client keys are labels."""

    client_names: bool = False


@dataclass(frozen=True)
class Config:
    """The whole of gl_config.json. `outbound_tls_digest` tells whether `outbound_context` has changed."""

    gateway_id: str
    listener: ListenerConfig
    admin: AdminConfig | None  # None: metrics are not served
    metrics: MetricsRules
    outbound_tls: OutboundTls
    outbound_tls_digest: str
    bus: BusAddress
    storage: BusStorage
    topics: Topics
    session_header: str
    masked: frozenset[str]
    masked_parameters: frozenset[str]
    removed: frozenset[str]
    never_forwarded: frozenset[str]
    log_unauthorized: bool
    keys_max_stale: float  # seconds for which client keys are valid while the bus is away
    errors: ErrorFormat
    usage: UsageRules
    log_max_payload: int
    log_repeats_payloads: bool
    journal_max_bytes: int
    record_log: recordlog.RecordLogConfig
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    shutdown_time: float
    limits: Limits
    quotas: QuotaLimits  # of the gateway as a whole
    routers: Table
    models: Registry
    prices: Prices | None  # None: no seller of models is known
    prices_file: Path | None  # with prices of the operator; it may be missing
    provider_routers: Mapping[tuple[str, str], Router]  # by the path of a router of models and a provider
    serves_everybody: bool
    request: ProcessorChain
    response: ProcessorChain
    log_request: FieldFilter
    log_response: FieldFilter
    workers: int  # processes that serve calls
    log_level: str
    source: ConfigSource

    @cached_property
    def header_rules(self) -> HeaderRules:
        """The rules for the headers of replies, and of requests to the targets of plain routers."""
        return HeaderRules(self.masked, self.removed, self.never_forwarded)

    @cached_property
    def provider_header_rules(self) -> HeaderRules:
        """The rules for the headers of requests to providers, whose keys the record never shows."""
        return self.header_rules._replace(masked=self.masked | CREDENTIALS)

    @cached_property
    def candidates(self) -> CandidateTable:
        """The candidates of calls."""
        return CandidateTable(self.routers, self.models, self.provider_routers)

    @cached_property
    def record_writer(self) -> RecordWriter:
        """The serializer of records for this config."""
        return RecordWriter(self.log_request, self.log_response, self.log_max_payload, self.log_repeats_payloads)

    @cached_property
    def subjects(self) -> Mapping[str, tuple[Subject, ...]]:
        """The gateway and the router, as far as they have limits, by the path of the router."""
        gateway = subjects.of_gateway(self.quotas)
        return {one.path: (*gateway, *subjects.of_router(one.path, one.limits)) for one in self.routers}

    @property
    def has_limits(self) -> bool:
        """Whether any call may have limits: its client key has, for all that is known here."""
        return any(self.subjects.values()) or any(router.keys is not KeyRule.OFF for router in self.routers)

    def has_later_processors(self, *paths: str) -> bool:
        """Whether processors are asked after the reply of a call with these routers; without paths, of any call."""
        request, response = self.request, self.response
        if not (request.async_rows or response.async_rows):
            return False
        return not paths or bool(request.async_rows_for_routers(*paths) or response.async_rows_for_routers(*paths))

    def max_parsed_request(self, largest: int) -> int:
        """The size in bytes up to which request bodies are parsed. `largest` is the maximum size of a bus message.

        A body that no processor may see and that the record will truncate need not be parsed.
        """
        return largest if self.payload_seen[0] else min(self.log_max_payload, largest)

    def max_parsed_response(self, largest: int) -> int:
        """The size in bytes up to which response bodies are parsed. `largest` is the maximum size of a bus message."""
        return largest if self.payload_seen[1] else min(self.log_max_payload, largest)

    @cached_property
    def payload_seen(self) -> tuple[bool, bool]:
        """Whether any processor may be given the payload of a request, and that of a response."""
        return (
            self.request.sees("ingress_payload", "outbound_payload"),
            self.response.sees("inbound_payload", "egress_payload"),
        )

    @cached_property
    def ingress_tls(self) -> ssl.SSLContext | None:
        """The TLS context for clients; None without TLS. Raises GechologError if its files cannot be used."""
        if self.listener.tls_files is None:
            return None
        try:
            return ingress_context(*self.listener.tls_files)
        except OSError as error:
            raise GechologError(f"tls.ingress {unusable(error)}") from error

    @cached_property
    def outbound_context(self) -> ssl.SSLContext:
        """The TLS context for upstreams. Raises GechologError if its files cannot be used."""
        try:
            return outbound_context(self.outbound_tls)
        except OSError as error:
            raise GechologError(f"tls.outbound.cert_files {unusable(error)}") from error
