"""The config of a sink as frozen values, and the rules that its schema cannot express."""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gecholog import bus_section, hostname, regular_file, schema
from gecholog.bus_address import BusAddress
from gecholog.config import ConfigSpec
from gecholog.health import home
from gecholog.recordlog import RecordLogConfig
from gecholog.secret_rule import SecretPlace
from gecholog.tls import OutboundTls
from services.nats2log import sql_writer
from services.nats2log.shape import Shape
from services.nats2log.sql_writer import SqlWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gecholog.config import ParsedConfig
    from gecholog.positions import Path
    from gecholog.schema import Violation

_FILE_NAME = re.compile(r'[^\0- ()<>@;:\\"\[\]?=\ud800-\udfff]*[^\0- ()<>@;:\\"\[\]?=/\ud800-\udfff]')
_SCHEMA = FilePath(__file__).with_name("nats2log_config.schema.json")
_TIMEOUT = 30_000  # milliseconds

_WITH_ENDPOINT = frozenset({"azure_logs_ingestion_writer", "otlp_writer"})  # an address with this name

# The values of other headers may be keys. These are not, and masking "application/json" would make logs unreadable.
_HARMLESS_HEADERS = frozenset({"accept", "accept-encoding", "content-encoding", "content-type", "host", "user-agent"})


@dataclass(frozen=True, slots=True)
class FileWriter:
    """The section `file_writer`."""

    filename: FilePath
    write_mode: str
    rotate_bytes: int = 0
    rotate_keep: int = 5
    fsync: bool = False
    permissions: int | None = None  # None: 0640, minus what the umask or the existing file removes

    @classmethod
    def of(cls, values: dict[str, Any]) -> FileWriter:
        return cls(
            filename=FilePath(values["filename"]),
            write_mode=values["write_mode"],
            rotate_bytes=values.get("rotate_bytes", 0),
            rotate_keep=values.get("rotate_keep", 5),
            fsync=values.get("fsync", False),
            permissions=int(values["permissions"], 8) if "permissions" in values else None,
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class RestWriter:
    """The section `rest_api_writer`. `address` is the whole URL: scheme, host, port, path and query."""

    address: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    batch: str = "single"
    concurrency: int = 8
    timeout_ms: int = _TIMEOUT

    @classmethod
    def of(cls, values: dict[str, Any]) -> RestWriter:
        endpoint = values.get("endpoint", "")
        path = endpoint if endpoint.startswith("/") or not endpoint else f"/{endpoint}"
        return cls(
            address=f"{values['url'].rstrip('/')}:{values['port']}{path}",
            headers=tuple((name, value) for name, items in values.get("headers", {}).items() for value in items),
            batch=values.get("batch", "single"),
            concurrency=values.get("concurrency", 8),
            timeout_ms=values.get("timeout_milliseconds", _TIMEOUT),
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        return _secrets_in(self.headers)


@dataclass(frozen=True, slots=True)
class ElasticWriter:
    """The section `elastic_writer`."""

    address: str
    index: str
    username: str = ""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    product_check: bool = True
    timeout_ms: int = _TIMEOUT

    @classmethod
    def of(cls, values: dict[str, Any]) -> ElasticWriter:
        return cls(
            address=f"{values['url'].rstrip('/')}:{values['port']}",
            index=values["index"],
            username=values.get("username", ""),
            password=values.get("password", ""),
            api_key=values.get("api_key", ""),
            product_check=values.get("product_check", True),
            timeout_ms=values.get("timeout_milliseconds", _TIMEOUT),
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        basic = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return (self.password, self.api_key, basic)


@dataclass(frozen=True, slots=True)
class AzureCollectorWriter:
    """The section `azure_log_analytics_writer`. `address` is the URL without the query."""

    workspace_id: str
    shared_key: str = field(repr=False)
    log_type: str
    address: str
    timeout_ms: int = _TIMEOUT

    @classmethod
    def of(cls, values: dict[str, Any]) -> AzureCollectorWriter:
        workspace = values["workspace_id"]
        url = values.get("url") or f"https://{workspace}.ods.opinsights.azure.com"
        return cls(
            workspace_id=workspace,
            shared_key=values["shared_key"],
            log_type=values["log_type"],
            address=f"{url.rstrip('/')}/api/logs",
            timeout_ms=values.get("timeout_milliseconds", _TIMEOUT),
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.shared_key,)


@dataclass(frozen=True, slots=True)
class AzureIngestionWriter:
    """The section `azure_logs_ingestion_writer`."""

    endpoint: str
    rule_id: str
    stream_name: str
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    authority: str = ""
    audience: str = ""
    timeout_ms: int = _TIMEOUT

    @classmethod
    def of(cls, values: dict[str, Any]) -> AzureIngestionWriter:
        texts = ("tenant_id", "client_id", "client_secret", "authority", "audience")
        return cls(
            endpoint=values["endpoint"],
            rule_id=values["rule_id"],
            stream_name=values["stream_name"],
            timeout_ms=values.get("timeout_milliseconds", _TIMEOUT),
            **{name: values.get(name, "") for name in texts},
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.client_secret,)


@dataclass(frozen=True, slots=True)
class OtlpWriter:
    """The section `otlp_writer`. `address` is the whole URL for traces."""

    address: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    service_name: str = "gecholog"
    capture_content: bool = False
    compression: str = "gzip"
    timeout_ms: int = _TIMEOUT

    @classmethod
    def of(cls, values: dict[str, Any]) -> OtlpWriter:
        return cls(
            address=f"{values['endpoint'].rstrip('/')}/v1/traces",
            headers=tuple((name, value) for name, items in values.get("headers", {}).items() for value in items),
            service_name=values.get("service_name", "gecholog"),
            capture_content=values.get("capture_content", False),
            compression=values.get("compression", "gzip"),
            timeout_ms=values.get("timeout_milliseconds", _TIMEOUT),
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        return _secrets_in(self.headers)


@dataclass(frozen=True, slots=True)
class NoWriter:
    """The writer of a sink that is off. Its sections do not matter."""

    @property
    def secrets(self) -> tuple[str, ...]:
        return ()


def _secrets_in(headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    values = [value for name, value in headers if name.lower() not in _HARMLESS_HEADERS]
    # "Bearer abc": the part after the scheme may appear alone.
    return tuple(text for value in values for text in (value, value.rpartition(" ")[2]))


ActiveWriter = (
    FileWriter | RestWriter | ElasticWriter | AzureCollectorWriter | AzureIngestionWriter | OtlpWriter | SqlWriter
)
Writer = NoWriter | ActiveWriter

OFF = "off"

# By `mode`, which is also the name of the writer's section.
WRITERS: dict[str, type[ActiveWriter]] = {
    "file_writer": FileWriter,
    "rest_api_writer": RestWriter,
    "elastic_writer": ElasticWriter,
    "azure_log_analytics_writer": AzureCollectorWriter,
    "azure_logs_ingestion_writer": AzureIngestionWriter,
    "otlp_writer": OtlpWriter,
    "sql_writer": SqlWriter,
}


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """The source of records."""

    address: BusAddress
    topic: str
    subject: str
    deliver: str
    record_log: RecordLogConfig = field(default_factory=RecordLogConfig)

    @property
    def is_off(self) -> bool:
        """Whether the subject is a parent of the sink's own topic (`coburn.gl` for `coburn.gl.nats2file`)."""
        return _is_off(self.topic, self.subject)


def _is_off(topic: str, subject: str) -> bool:
    return topic.startswith(f"{subject}.")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a rejected record is retried, and after which delay."""

    retries: int
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Config:
    """The config of one sink."""

    source: SourceConfig
    retry_policy: RetryPolicy
    shape: Shape
    mode: str
    writer: Writer
    tls: OutboundTls

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must not appear in any log."""
        return (*self.source.address.credentials.secrets, *self.writer.secrets)


def config_spec() -> ConfigSpec:
    """Return the schema and rules of the config file of a sink."""
    fields = schema.load(_SCHEMA)

    def idle_writers(values: dict[str, Any]) -> Iterator[Violation]:
        yield from _idle_writers(fields, values)

    return ConfigSpec(
        fields,
        (bus_section.rules, _own_topic, _certificate_files, _whole_records, *_WRITER_RULES),
        _writers_not_in_use,
        warnings=(idle_writers, _trusts_no_certificate, _ended_api),
        secret_places=_secret_places,
    )


def _secret_places(values: Any) -> Iterator[SecretPlace]:
    """Where secrets of the store may stand: the credentials and headers of writers that have an address."""
    for mode, (fields, address_of) in _SECRET_FIELDS.items():
        section = values.get(mode) if isinstance(values, dict) else None
        try:
            addresses = (address_of(section),)
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # a section that cannot be used may have no secret
        for name in fields:
            yield SecretPlace((mode, name), addresses)


_SECRET_FIELDS: dict[str, tuple[tuple[str, ...], Callable[[Any], str]]] = {
    "rest_api_writer": (("headers",), lambda section: RestWriter.of(section).address),
    "elastic_writer": (("username", "password", "api_key"), lambda section: ElasticWriter.of(section).address),
    "azure_log_analytics_writer": (("shared_key",), lambda section: AzureCollectorWriter.of(section).address),
    "azure_logs_ingestion_writer": (("client_secret",), lambda section: _authority(section.get("authority"))),
    "otlp_writer": (("headers",), lambda section: OtlpWriter.of(section).address),
}


def _authority(text: str | None) -> str:
    """Who issues tokens for the secret of an application."""
    found = text or "https://login.microsoftonline.com"  # azure.identity.AzureAuthorityHosts.AZURE_PUBLIC_CLOUD
    return found if "://" in found else f"https://{found}"


def _writers_not_in_use(values: Any) -> frozenset[str]:
    """Return the sections that are not in use: all except that of the mode, or all if the sink is off.

    The default config is off and refers to variables that are not set yet.
    """
    if not isinstance(values, dict) or _is_switched_off(values):
        return frozenset(WRITERS)
    mode = values.get("mode")
    return frozenset(WRITERS) - {mode} if isinstance(mode, str) else frozenset()


def _is_switched_off(values: dict[str, Any]) -> bool:
    bus = values.get("service_bus")
    topic, subject = (bus.get("topic"), bus.get("topic_exact_logger")) if isinstance(bus, dict) else (None, None)
    return isinstance(topic, str) and isinstance(subject, str) and _is_off(topic, subject)


def _idle_writers(fields: schema.Schema, values: dict[str, Any]) -> Iterator[Violation]:
    """Yield what is wrong with writers that are not in use. Missing and empty values are not reported."""
    for name in sorted(_writers_not_in_use(values) & values.keys()):
        in_use = values | {"mode": name}
        found = [(path, rule) for path, rule, _ in schema.violations(fields, in_use)]
        found += [violation for check in _WRITER_RULES for violation in check(in_use)]
        for path, rule in found:
            if path[:1] == (name,) and _is_given(values, path):
                yield path, f"{rule} (not in use)"


def _is_given(values: Any, path: Path) -> bool:
    """Tell whether there is a value at a path that is not empty."""
    for step in path:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            return False
    return values not in ("", {}, [])


def _trusts_no_certificate(values: dict[str, Any]) -> Iterator[Violation]:
    """Warn if no certificate is trusted. That is fine for a file, but every request over TLS would fail."""
    mode, tls = values["mode"], values["tls"]
    trusts = tls.get("insecure") or tls.get("system_cert_pool") or tls.get("cert_files")
    if not trusts and not _is_switched_off(values) and _calls_over_tls(mode, values[mode]):
        yield (
            ("tls",),
            "trusts no certificate authority, so every request will fail: set system_cert_pool or list cert_files",
        )


def _calls_over_tls(mode: str, writer: dict[str, Any]) -> bool:
    if mode == "azure_log_analytics_writer":
        return not writer.get("url", "").startswith("http:")
    address = writer.get("endpoint" if mode in _WITH_ENDPOINT else "url", "")
    return mode not in {"file_writer", "sql_writer"} and address.startswith("https:")


def build(parsed: ParsedConfig) -> Config:
    """Build the config from checked values."""
    values = parsed.values
    bus = values["service_bus"]
    source = SourceConfig(
        address=BusAddress.of_section(bus),
        topic=bus["topic"],
        subject=bus["topic_exact_logger"],
        deliver=values.get("deliver", "all"),
        record_log=RecordLogConfig.of(values),
    )
    mode = OFF if source.is_off else values["mode"]
    return Config(
        source=source,
        retry_policy=RetryPolicy(values.get("retries", 0), values.get("retry_delay_milliseconds", 250)),
        shape=Shape.of(values.get("fields", {})),
        mode=mode,
        writer=NoWriter() if mode == OFF else WRITERS[mode].of(values[mode]),
        tls=OutboundTls.of(values["tls"]),
    )


def _own_topic(values: dict[str, Any]) -> Iterator[Violation]:
    bus = values.get("service_bus", {})
    if bus.get("topic") is not None and bus.get("topic") == bus.get("topic_exact_logger"):
        yield ("service_bus", "topic_exact_logger"), "must differ from topic"


def _certificate_files(values: dict[str, Any]) -> Iterator[Violation]:
    for index, file in enumerate(values.get("tls", {}).get("cert_files", [])):
        if reason := regular_file.why_not(file):
            yield ("tls", "cert_files", index), f"must be a file that exists; it {reason}"


def _file_name(values: dict[str, Any]) -> Iterator[Violation]:
    """Check the file name. Only the part after the home directory counts, which may have any name."""
    name = values.get("file_writer", {}).get("filename")
    if values.get("mode") != "file_writer" or name is None:
        return
    path = ("file_writer", "filename")
    if not _FILE_NAME.fullmatch(name.removeprefix(f"{home()}/")):
        yield path, 'must be a file path without spaces or any of ()<>@;:\\"[]?='
    elif os.path.isdir(name):  # noqa: PTH112 - it takes any text
        yield path, "must be a file, but is a directory"


def _hosts(values: dict[str, Any]) -> Iterator[Violation]:
    """Check the host names of addresses. The schema reports values that are not addresses."""
    mode = values.get("mode", "")
    if mode == "sql_writer":
        return
    for name in ("url", "endpoint", "authority", "audience"):
        address = values.get(mode, {}).get(name, "") if mode in WRITERS else ""
        try:
            host = urlsplit(address).hostname
        except ValueError:
            yield (mode, name), "must be an http or https address"
            continue
        if host and (reason := hostname.problem(host)):
            yield (mode, name), reason


def _elastic_credentials(values: dict[str, Any]) -> Iterator[Violation]:
    writer = values.get("elastic_writer")
    if writer is not None and values.get("mode") == "elastic_writer" and "api_key" not in writer:
        for name in ("username", "password"):
            if name not in writer:
                yield ("elastic_writer", name), "is missing (or set api_key)"


def _azure_key(values: dict[str, Any]) -> Iterator[Violation]:
    if values.get("mode") != "azure_log_analytics_writer":
        return
    try:
        base64.b64decode(values.get("azure_log_analytics_writer", {}).get("shared_key", ""), validate=True)
    except (binascii.Error, ValueError):
        yield ("azure_log_analytics_writer", "shared_key"), "must be base64"


def _azure_application(values: dict[str, Any]) -> Iterator[Violation]:
    writer = values.get("azure_logs_ingestion_writer", {})
    names = ("tenant_id", "client_id", "client_secret")
    given = [name for name in names if writer.get(name)]
    if values.get("mode") != "azure_logs_ingestion_writer" or not given:
        return
    yield from (
        (("azure_logs_ingestion_writer", name), "is needed with the others of " + ", ".join(names))
        for name in names
        if name not in given
    )


def _whole_records(values: dict[str, Any]) -> Iterator[Violation]:
    """Spans and rows of the ledger are made from records as gl publishes them."""
    mode = values.get("mode")
    if mode in {"otlp_writer", "sql_writer"} and values.get("fields", {}).get("flatten"):
        yield ("fields", "flatten"), f"must be false with {mode}, which reads the fields of records"


def _ended_api(values: dict[str, Any]) -> Iterator[Violation]:
    """Warn of an API that does not exist any more. Files of the original name it."""
    if values["mode"] == "azure_log_analytics_writer" and not _is_switched_off(values):
        yield ("mode",), "Microsoft ended the Data Collector API on 14 September 2026: use azure_logs_ingestion_writer"


_WRITER_RULES = (_file_name, sql_writer.rules, _hosts, _elastic_credentials, _azure_key, _azure_application)
