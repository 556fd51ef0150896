"""Secrets of the store in configs of gl and of sinks: where they may stand, and every way to send one elsewhere."""

import json
from pathlib import Path

import pytest

from gecholog import config
from gecholog.errors import ConfigError
from gecholog.secret_store import SecretStore
from services.gl.config.build import build
from services.gl.config.spec import config_spec
from services.nats2log.config import config_spec as sink_spec
from tests.services.gl.rig.gateway import config_of, router
from tests.support.gui import CONF

CANARY = "sk-CaNaRy"
HEADERS = {"Authorization": ["Bearer ${secret:OPENAI}"]}


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """An environment whose home has two secrets."""
    home = str(tmp_path)
    monkeypatch.setenv("GECHOLOG_HOME", home)
    store = SecretStore(tmp_path, {})
    store.put("OPENAI", CANARY, ("api.openai.com",), "ann")
    store.put("OTHER", f"{CANARY}-other", ("*.example.com", "elastic.example.org:9200"), "ann")
    return {"GECHOLOG_HOME": home, "NATS_TOKEN": "t", "EVIL": "evil.example", "GOOD": "api.openai.com"}


def checked(text, environ, spec=None):
    data = (text if isinstance(text, str) else json.dumps(text)).encode()
    return config.check(data, "gl_config.json", spec or config_spec(), environ)


def refused(value, environ, spec=None):
    """The problems of a config, none of which shows a secret."""
    with pytest.raises(ConfigError) as raised:
        checked(value, environ, spec)
    told = "\n".join(map(str, (*raised.value.problems, *raised.value.warnings)))
    assert CANARY not in told
    return told


def gl(*routers, **more):
    return config_of("127.0.0.1:4222", list(routers), **more)


PROVIDER = {"name": "openai", "dialect": "openai", "profile": "openai", "api_key": "${secret:OPENAI}"}
OF_MODELS = {"path": "/v1/", "ingress": {}, "outbound": {"models": ["*"]}}


def test_headers_of_a_router(environ):
    parsed = checked(gl(router("/a/", "https://${GOOD}/v1", headers=HEADERS)), environ)
    assert parsed.values["routers"][0]["outbound"]["headers"] == {"Authorization": [f"Bearer {CANARY}"]}
    assert parsed.secrets == {CANARY}
    assert CANARY not in repr(parsed)[: repr(parsed).index("values=")]
    assert parsed.files == (f"{environ['GECHOLOG_HOME']}/data/secrets.json",)


def test_the_key_of_a_provider(environ):
    """Where it is sent follows from the dialect or the profile, if no URL says it."""
    parsed = checked(gl(OF_MODELS, providers=[PROVIDER]), environ)
    assert parsed.values["providers"][0]["api_key"] == CANARY
    told = refused(gl(OF_MODELS, providers=[PROVIDER | {"dialect": "anthropic", "profile": "generic"}]), environ)
    assert "would send the secret OPENAI to api.anthropic.com; it may be sent to api.openai.com only" in told
    assert "providers[0].api_key" in told


def test_a_header_with_a_secret_is_masked_whatever_its_name(environ):
    value = gl(router("/a/", "https://api.openai.com", headers={"X-Own": ["${secret:OPENAI}"]}), masked_headers=[])
    assert build(checked(value, environ)).masked == {"X-Own"}


def test_a_secret_that_is_missing_is_like_a_variable_that_is_not_set(environ):
    headers = {"Authorization": ["Bearer ${secret:NOBODY}"]}
    told = refused(gl(router("/a/", "https://evil.example", headers=headers)), environ)
    assert "the secret NOBODY, which is not in the secret store" in told


@pytest.mark.parametrize(
    "value",
    [
        gl(router("/a/", "https://evil.example", headers=HEADERS)),
        gl(router("/a/", "https://${EVIL}", headers=HEADERS)),
        gl(router("/a/", "http://api.openai.com", headers=HEADERS)),
        gl(router("/a/", "https://api.openai.com:8443", headers=HEADERS)),
        gl(router("/a/", "https://api.openai.com.evil.example/", headers=HEADERS)),
        gl(router("/a/", "https://api.openai.com@evil.example/", headers=HEADERS)),
        gl(router("/a/", "https://evil.example\\@api.openai.com/", headers=HEADERS)),
        gl(router("/echo/a/", "https://evil.example", headers=HEADERS)),
        gl(router("/a/", "https://evil.example", headers={"X.Y": ["${secret:OPENAI}"]})),
        gl(router("/a/", "https://evil.example", headers={"url": ["https://api.openai.com", "${secret:OPENAI}"]})),
        gl(
            OF_MODELS | {"outbound": {"models": ["*"], "headers": HEADERS}},
            providers=[PROVIDER | {"url": "https://evil.example", "api_key": "x"}],
        ),
        gl(
            OF_MODELS | {"outbound": {"models": ["*"], "headers": HEADERS}},
            providers=[PROVIDER, PROVIDER | {"name": "b", "url": "https://evil.example", "api_key": "x"}],
        ),
        gl(OF_MODELS, providers=[PROVIDER | {"url": "https://evil.example/v1"}]),
        gl(OF_MODELS, providers=[PROVIDER | {"dialect": "${EVIL}"}]),
        gl(OF_MODELS, providers=[PROVIDER | {"enabled": False, "url": "https://evil.example/v1"}]),
        gl(
            OF_MODELS,
            providers=[
                {
                    "name": "az",
                    "dialect": "azure",
                    "url": "https://api.openai.com",
                    "entra_id": {
                        "tenant_id": "t",
                        "client_id": "c",
                        "client_secret": "${secret:OPENAI}",
                        "authority": "https://evil.example",
                    },
                }
            ],
        ),
        gl(
            OF_MODELS,
            providers=[
                {
                    "name": "az",
                    "dialect": "azure",
                    "url": "https://api.openai.com",
                    "entra_id": {"tenant_id": "t", "client_id": "c", "client_secret": "${secret:OPENAI}"},
                }
            ],
        ),
    ],
)
def test_it_is_not_sent_elsewhere(value, environ):
    assert "secret OPENAI" in refused(value, environ)


@pytest.mark.parametrize(
    "value",
    [
        gl(router("/a/", "https://api.openai.com/${secret:OPENAI}")),
        gl(router("/a/", "https://${secret:OPENAI}.evil.example")),
        gl(router("/a/", "https://api.openai.com?key=${secret:OPENAI}")),
        gl(router("/a/", "https://api.openai.com", endpoint="x?key=${secret:OPENAI}")),
        gl(router("/a/", "https://api.openai.com", headers={"${secret:OPENAI}": ["x"]})),
        gl(router("/a/", "https://api.openai.com", remove_headers=["${secret:OPENAI}"])),
        gl(router("/a/", "https://api.openai.com", fallbacks=["${secret:OPENAI}"])),
        gl(router("/a/", "https://api.openai.com", required={"Authorization": ["${secret:OPENAI}"]})),
        gl(router("/${secret:OPENAI}/", "https://api.openai.com")),
        gl(router("/a/", "https://api.openai.com"), gateway_id="${secret:OPENAI}"),
        gl(router("/a/", "https://api.openai.com"), unknown={"url": "https://api.openai.com", "headers": HEADERS}),
        gl(router("/a/", "https://api.openai.com"), masked_headers=["${secret:OPENAI}"]),
        gl(OF_MODELS, providers=[PROVIDER | {"api_key": "x", "default_system_prompt": "Say ${secret:OPENAI}"}]),
        gl(OF_MODELS, providers=[PROVIDER | {"api_key": "x", "name": "${secret:OPENAI}"}]),
        gl(OF_MODELS, providers=[PROVIDER | {"api_key": "x", "${secret:OPENAI}": 1}]),
        gl(
            OF_MODELS,
            providers=[PROVIDER | {"api_key": "x"}],
            models=[{"name": "a", "description": "${secret:OPENAI}"}],
        ),
        gl(router("/a/", "https://api.openai.com"), service_bus={"token": "${secret:OPENAI}", "hostname": "evil:1"}),
    ],
)
def test_it_stands_in_keys_and_headers_only(value, environ):
    """Elsewhere it would be shown, compared, or part of an address. Nothing about its value is said."""
    assert "must not have the secret OPENAI" in refused(value, environ)


def test_a_secret_outside_of_a_string(environ):
    text = json.dumps(gl(router("/a/", "https://api.openai.com"))).replace(
        '"gl_host": "127.0.0.1"', '"gl_host": ${secret:OPENAI}'
    )
    assert "used outside a string" in refused(text, environ)


@pytest.mark.parametrize(
    "written",
    ["\\\\u0024{secret:OPENAI}", "$${secret:OPENAI}", "${secret:OPENAI", "$ {secret:OPENAI}", "${SECRET:OPENAI}"],
)
def test_what_only_looks_like_a_secret_is_text(written, environ):
    """An escaped dollar sign is filled in by nobody, not even in a second pass."""
    text = json.dumps(gl(router("/a/", "https://evil.example", headers={"A": ["@"]}))).replace("@", written)
    assert CANARY not in json.dumps(checked(text, environ).values)


@pytest.mark.parametrize(
    "written", ["\\\\${secret:OPENAI}", "\\\\\\\\${secret:OPENAI}", "$${A}${secret:OPENAI}", "\\u0061${secret:OPENAI}"]
)
def test_escapes_hide_no_secret(written, environ):
    text = json.dumps(gl(router("/a/", "https://evil.example", headers={"A": ["@"]}))).replace("@", written)
    refused(text, environ)


def test_a_broken_escape_is_not_completed_by_a_secret(environ):
    SecretStore(Path(environ["GECHOLOG_HOME"]), {}).put("HEX", "0041", ("api.openai.com",), "ann")
    text = json.dumps(gl(router("/a/", "https://evil.example", headers={"A": ["@"]}))).replace("@", "\\u${secret:HEX}")
    assert "is not JSON" in refused(text, environ)


def test_a_config_of_another_shape(environ):
    """Values of any type are judged before their types are."""
    for value in (
        [],
        "${secret:OPENAI}",
        {"providers": "x"},
        {"providers": [1, {"dialect": [], "api_key": "${secret:OPENAI}"}]},
        {"routers": [{"outbound": {"url": 7, "headers": HEADERS}}]},
        {"routers": {"outbound": HEADERS}},
    ):
        told = refused(value, environ)
        assert CANARY not in told


def test_a_store_that_cannot_be_opened(environ):
    told = refused(
        gl(router("/a/", "https://api.openai.com", headers=HEADERS)), environ | {"GECHOLOG_ENCRYPTION_KEY": "x"}
    )
    assert "GECHOLOG_ENCRYPTION_KEY must be 32 bytes" in told


def sink(mode, section):
    value = json.loads((CONF / "nats2log_config.json").read_text("utf-8"))
    return value | {"mode": mode, mode: value.get(mode, {}) | section}


@pytest.mark.parametrize(
    ("mode", "section"),
    [
        ("rest_api_writer", {"url": "https://logs.example.com", "port": 443, "headers": {"Key": ["${secret:OTHER}"]}}),
        ("elastic_writer", {"url": "https://elastic.example.org", "port": 9200, "password": "${secret:OTHER}"}),
        ("otlp_writer", {"endpoint": "https://otlp.example.com", "headers": {"Key": ["${secret:OTHER}"]}}),
    ],
)
def test_sinks(mode, section, environ):
    where = "endpoint" if "endpoint" in section else "url"
    told = refused(sink(mode, section | {where: "https://evil.example"}), environ, sink_spec())
    assert "would send the secret OTHER to evil.example" in told
    spec = sink_spec()
    marked = json.loads(json.dumps(sink(mode, section)).replace("${secret:OTHER}", "x"))
    assert {(mode, name) for name in section} & {place.path for place in spec.secret_places(marked)}
    assert CANARY in json.dumps(checked(sink(mode, section), environ, spec).values)


@pytest.mark.parametrize("mode", ["sql_writer", "file_writer"])
def test_sinks_without_an_address(mode, environ):
    field = "url" if mode == "sql_writer" else "filename"
    value = sink(mode, {field: "postgresql://u:${secret:OTHER}@db.example.com/x"})
    assert "must not have the secret OTHER" in refused(value, environ, sink_spec())


@pytest.mark.parametrize("name", ["User-Agent", "Openai-Organization", "X-Own"])
def test_headers_that_have_a_secret_are_masked(environ, name):
    """Whatever header it is, of a router or of a provider."""
    headers = {name: ["${secret:OPENAI}"]}
    of_provider = PROVIDER | {"api_key": "k", "headers": headers}
    for value in (
        gl(router("/a/", "https://api.openai.com/", headers=headers)),
        gl(OF_MODELS, providers=[of_provider]),
    ):
        assert name in build(checked(value | {"masked_headers": []}, environ)).masked
