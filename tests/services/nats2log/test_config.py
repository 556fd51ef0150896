"""The config file of a sink."""

import base64
import json
from pathlib import Path

import pytest

from gecholog.config import check
from gecholog.errors import ConfigError
from gecholog.recordlog import Limits, RecordLogConfig
from services.nats2log.config import (
    AzureCollectorWriter,
    ElasticWriter,
    FileWriter,
    NoWriter,
    OtlpWriter,
    RestWriter,
    build,
    config_spec,
)

ROOT = Path(__file__).parents[3]
KEY = base64.b64encode(b"key").decode()
BASE = {
    "version": "1.0.1",
    "log_level": "INFO",
    "mode": "file_writer",
    "tls": {"insecure": False, "system_cert_pool": True, "cert_files": []},
    "service_bus": {
        "hostname": "localhost:4222",
        "topic": "coburn.gl.nats2file",
        "topic_exact_logger": "coburn.gl.logger",
        "token": "TheToken",
    },
    "file_writer": {"filename": "/app/log/log.jsonl", "write_mode": "append"},
    "rest_api_writer": {"url": "https://logs.example.com", "port": 443, "endpoint": "/log", "headers": {"X": ["1"]}},
    "elastic_writer": {"url": "http://h", "port": 9200, "index": "coburn1", "username": "u", "password": "TheSecret"},
    "azure_log_analytics_writer": {"workspace_id": "w", "shared_key": KEY, "log_type": "t"},
    "azure_logs_ingestion_writer": {"endpoint": "https://e", "rule_id": "r", "stream_name": "s"},
    "otlp_writer": {"endpoint": "https://otel.example.com:4318/base/", "headers": {"Api-Key": ["TheKey"]}},
}
MODES = [name for name in BASE if name.endswith("_writer")]


def read(value, environ=None):
    return build(check(json.dumps(value).encode(), "test", config_spec(), environ or {}))


def problems(value):
    with pytest.raises(ConfigError) as caught:
        read(value)
    return {problem.path for problem in caught.value.problems}


def with_writer(mode, **fields):
    return BASE | {"mode": mode, mode: {k: v for k, v in (BASE[mode] | fields).items() if v is not None}}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode(mode):
    """Each writer can be selected."""
    assert read(BASE | {"mode": mode}).mode == mode


@pytest.mark.parametrize("name", ["nats2file", "nats2log"])
def test_default_files(name):
    """The shipped file is valid with its variables set. Unset variables of unused writers do no harm."""
    data = (ROOT / "conf" / f"{name}_config.json").read_bytes()
    environ = {"NATS_TOKEN": "TheToken", "GECHOLOG_HOME": "/app"}
    azure = {
        "AZURE_LOGS_INGESTION_ENDPOINT": "https://example.ingest.monitor.azure.com",
        "AZURE_LOGS_INGESTION_RULE_ID": "dcr-0",
        "AZURE_LOG_ANALYTICS_WORKSPACE_ID": "w",
        "AZURE_LOG_ANALYTICS_SHARED_KEY": KEY,
    }
    parsed = check(data, name, config_spec(), environ | azure)
    assert parsed.warnings == ()
    config = build(parsed)
    assert config.source.is_off
    logger = {f"{name.upper()}_LOGGER_SUBTOPIC": ".logger"}
    on = build(check(data, name, config_spec(), environ | azure | logger))
    assert on.source.subject == "coburn.gl.logger"
    assert not on.source.is_off


def test_default_file_sink_needs_no_other_variable():
    """The file sink of the appliance needs only token and home."""
    data = (ROOT / "conf" / "nats2file_config.json").read_bytes()
    environ = {"NATS_TOKEN": "TheToken", "GECHOLOG_HOME": "/app", "NATS2FILE_LOGGER_SUBTOPIC": ".logger"}
    config = build(check(data, "x", config_spec(), environ))
    assert config.writer == FileWriter(Path("/app/log/gecholog.jsonl"), "append")


def test_default_that_is_off_needs_no_writer():
    """Unless its subject is set, the default config of nats2log is valid without the variables of its writer."""
    data = (ROOT / "conf" / "nats2log_config.json").read_bytes()
    config = build(check(data, "x", config_spec(), {"NATS_TOKEN": "TheToken", "GECHOLOG_HOME": "/app"}))
    assert (config.mode, config.writer) == ("off", NoWriter())
    on = {"NATS_TOKEN": "TheToken", "NATS2LOG_LOGGER_SUBTOPIC": ".logger"}
    with pytest.raises(ConfigError) as caught:
        check(data, "x", config_spec(), on)
    assert {problem.path.split(".")[0] for problem in caught.value.problems} == {"azure_logs_ingestion_writer"}


@pytest.mark.parametrize(
    ("topic", "subject", "expected"),
    [
        ("coburn.gl.nats2file", "coburn.gl", True),
        ("coburn.gl.nats2file", "coburn", True),
        ("coburn.gl.nats2file", "coburn.gl.logger", False),
        ("coburn.gl.nats2file", "coburn.g", False),
        ("coburn.gl.nats2file", "coburn.gl.nats2", False),
        ("sink", "coburn.gl", False),
    ],
)
def test_off(topic, subject, expected):
    """A logger topic that is a parent of the sink's own topic."""
    bus = BASE["service_bus"] | {"topic": topic, "topic_exact_logger": subject}
    assert read(BASE | {"service_bus": bus}).source.is_off is expected


@pytest.mark.parametrize(
    ("mode", "field", "value"),
    [
        ("file_writer", "filename", ""),
        ("file_writer", "filename", "/folder/"),
        ("file_writer", "filename", "/a\nb"),
        ("file_writer", "filename", "/a b"),
        ("file_writer", "filename", "/a\ud800"),
        ("file_writer", "filename", None),
        ("file_writer", "write_mode", "truncate"),
        ("file_writer", "rotate_keep", 0),
        ("file_writer", "permissions", "0755"),
        ("file_writer", "permissions", "rw"),
        ("rest_api_writer", "url", "ftp://h"),
        ("rest_api_writer", "url", "https://h:443"),
        ("rest_api_writer", "url", "https://h/path"),
        ("rest_api_writer", "port", 65536),
        ("rest_api_writer", "endpoint", "/a//b"),
        ("rest_api_writer", "endpoint", "/a/../b"),
        ("rest_api_writer", "endpoint", "/a\n"),
        ("rest_api_writer", "headers", {"X Y": ["1"]}),
        ("rest_api_writer", "headers", {"X": []}),
        ("rest_api_writer", "headers", {"X": [""]}),
        ("rest_api_writer", "headers", {"X": ["a\r\nY: b"]}),
        ("rest_api_writer", "batch", "xml"),
        ("elastic_writer", "index", "my-index"),
        ("elastic_writer", "password", ""),
        ("elastic_writer", "username", None),
        ("elastic_writer", "api_key", ""),
        ("azure_log_analytics_writer", "shared_key", "not base64!"),
        ("azure_log_analytics_writer", "workspace_id", ""),
        ("azure_logs_ingestion_writer", "endpoint", "http://e"),
        ("azure_logs_ingestion_writer", "rule_id", ""),
        ("otlp_writer", "endpoint", "localhost:4318"),
        ("otlp_writer", "endpoint", "http://h/?q"),
        ("otlp_writer", "endpoint", None),
        ("otlp_writer", "headers", {"X": ["a\r\nY: b"]}),
        ("otlp_writer", "compression", "zip"),
        ("otlp_writer", "service_name", ""),
    ],
)
def test_values_of_the_writer_in_use(mode, field, value):
    """A wrong value is named by its path. In an unused writer it is a warning."""
    bad = with_writer(mode, **{field: value})
    assert all(path.startswith(f"{mode}.{field}") for path in problems(bad))
    others = [name for name in MODES if name != mode]
    parsed = check(json.dumps(bad | {"mode": others[0]}).encode(), "test", config_spec(), {})
    assert build(parsed).mode == others[0]
    warned = {problem.path for problem in parsed.warnings}
    if value in (None, "", {"X": []}, {"X": [""]}):
        assert warned == set()
    else:
        assert warned
        assert all(path.startswith(f"{mode}.{field}") for path in warned)


def test_otlp():
    """Spans go to a path below the endpoint. Values of headers are secrets. Records must not be flattened."""
    config = read(BASE | {"mode": "otlp_writer"})
    assert config.writer == OtlpWriter("https://otel.example.com:4318/base/v1/traces", (("Api-Key", "TheKey"),))
    assert "TheKey" in config.secrets
    assert "TheKey" not in repr(config.writer)
    assert problems(BASE | {"mode": "otlp_writer", "fields": {"flatten": True}}) == {"fields.flatten"}


def test_an_api_that_has_ended():
    """Files of the original with the Data Collector API load, with a warning that names the successor."""
    parsed = check(json.dumps(BASE | {"mode": "azure_log_analytics_writer"}).encode(), "test", config_spec(), {})
    assert build(parsed).mode == "azure_log_analytics_writer"
    assert [problem.path for problem in parsed.warnings] == ["mode"]
    assert "azure_logs_ingestion_writer" in str(parsed.warnings)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "file_writer"])
def test_tls_that_believes_nobody(mode):
    """With an empty tls section a writer that uses TLS could never succeed, which is a warning."""
    empty = {"tls": {}}

    def warned(**fields):
        value = with_writer(mode, **fields) | empty
        found = check(json.dumps(value).encode(), "test", config_spec(), {}).warnings
        return {problem.path for problem in found} - {"mode"}  # that of an API that has ended

    assert warned(**({"url": "https://h"} if mode in ("rest_api_writer", "elastic_writer") else {})) == {"tls"}
    if mode != "azure_logs_ingestion_writer":
        assert warned(**{"endpoint" if mode == "otlp_writer" else "url": "http://h"}) == set()
    assert check(json.dumps(BASE | empty).encode(), "test", config_spec(), {}).warnings == ()


def test_home_may_be_called_as_it_likes(monkeypatch, tmp_path):
    """For a file in the home folder only the rest of the path is checked. A folder is not a file."""
    home = tmp_path / "my (home)"
    home.mkdir()
    monkeypatch.setenv("GECHOLOG_HOME", str(home))
    assert read(with_writer("file_writer", filename=f"{home}/log/x.jsonl"))
    for wrong in (f"{home}/my log.jsonl", f"{home}x/log.jsonl", str(home), str(tmp_path)):
        assert problems(with_writer("file_writer", filename=wrong)) == {"file_writer.filename"}


@pytest.mark.parametrize("mode", MODES)
def test_writer_in_use_is_needed(mode):
    """The section of the selected mode is required, the others are optional."""
    without = {name: value for name, value in BASE.items() if name != mode}
    assert problems(without | {"mode": mode}) == {mode}
    alone = {name: value for name, value in BASE.items() if name not in MODES or name == mode}
    assert read(alone | {"mode": mode})


@pytest.mark.parametrize("name", ["version", "log_level", "mode", "service_bus", "tls"])
def test_needed_sections(name):
    """These sections are required."""
    assert problems({key: value for key, value in BASE.items() if key != name}) == {name}


def test_wrong_types_are_refused_everywhere():
    """A wrong value in an unused writer is reported too."""
    assert problems(BASE | {"elastic_writer": {"port": "9200"}}) == {"elastic_writer.port"}


def test_topics_must_differ():
    """A sink must not record its own messages."""
    bus = BASE["service_bus"] | {"topic_exact_logger": "coburn.gl.nats2file"}
    assert problems(BASE | {"service_bus": bus}) == {"service_bus.topic_exact_logger"}


def test_certificate_files_must_exist(tmp_path):
    """Each problem is named by its position in the list."""
    (tmp_path / "there").write_text("")
    files = [str(tmp_path / "there"), str(tmp_path / "not there"), "x" * 5000]
    tls = BASE["tls"] | {"cert_files": files}
    assert problems(BASE | {"tls": tls}) == {"tls.cert_files[1]", "tls.cert_files[2]"}


def test_an_application_is_given_whole():
    """Tenant, client and secret are set together, or none of them."""
    bad = with_writer("azure_logs_ingestion_writer", tenant_id="t", client_id="c")
    assert problems(bad) == {"azure_logs_ingestion_writer.client_secret"}
    assert read(with_writer("azure_logs_ingestion_writer", tenant_id="t", client_id="c", client_secret="s"))


def test_rest_writer():
    """URL and headers are stored as they are used."""
    headers = {"X-A": ["1", "2"], "Authorization": ["Bearer TheKeyOfTheTarget"], "Content-Type": ["application/json"]}
    writer = read(with_writer("rest_api_writer", url="http://[::1]", endpoint="log?a=b", headers=headers)).writer
    assert isinstance(writer, RestWriter)
    assert writer.address == "http://[::1]:443/log?a=b"
    assert writer.headers[:2] == (("X-A", "1"), ("X-A", "2"))
    assert "TheKeyOfTheTarget" in writer.secrets
    assert "application/json" not in writer.secrets


def test_elastic_with_an_api_key():
    """User and password are optional then."""
    writer = read(with_writer("elastic_writer", username=None, password=None, api_key="TheKey")).writer
    assert isinstance(writer, ElasticWriter)
    assert writer.api_key == "TheKey"


@pytest.mark.parametrize("mode", MODES)
def test_secrets_are_known_and_not_shown(mode):
    """The repr of a config contains no secrets."""
    config = read(with_writer(mode) | {"azure_logs_ingestion_writer": BASE["azure_logs_ingestion_writer"]})
    shown = repr(config)
    assert "TheToken" in config.secrets
    assert all(secret not in shown for secret in config.secrets if len(secret) > 1)  # "1" is anywhere


def test_defaults():
    """The defaults are the original's where it has them: no retries unless configured."""
    config = read(BASE)
    assert (config.retry_policy.retries, config.retry_policy.delay_ms) == (0, 250)
    assert config.source.deliver == "all"
    assert config.source.record_log == RecordLogConfig()
    assert read(BASE | {"record_log": {"max_age_hours": 1}}).source.record_log.limits == Limits(max_age_seconds=3600)
    writer = read(BASE | {"mode": "azure_log_analytics_writer"}).writer
    assert isinstance(writer, AzureCollectorWriter)


@pytest.mark.parametrize("text", ["Bearer $no", "$no", "a${no}b"])
def test_headers_with_a_variable_that_is_not_set(text):
    """A variable without a value refuses the file, whether it is a part of a header or all of it."""
    headers = {"headers": {"A": ["x", text]}}
    assert problems(with_writer("rest_api_writer", **headers)) == {"rest_api_writer.headers.A[1]"}
    assert read(with_writer("rest_api_writer", **headers) | {"mode": "file_writer"})


@pytest.mark.parametrize(
    ("mode", "field"),
    [
        ("rest_api_writer", "url"),
        ("elastic_writer", "url"),
        ("azure_log_analytics_writer", "url"),
        ("azure_logs_ingestion_writer", "endpoint"),
        ("azure_logs_ingestion_writer", "authority"),
    ],
)
@pytest.mark.parametrize("host", ["a..b", "$no.a..b", f"{'a' * 64}.com"])
def test_addresses_that_nobody_can_look_up(mode, field, host):
    """They are refused at the start, not with each record."""
    assert problems(with_writer(mode, **{field: f"https://{host}"})) == {f"{mode}.{field}"}
    assert read(with_writer(mode, **{field: f"https://{host}"}) | {"mode": "file_writer"})
