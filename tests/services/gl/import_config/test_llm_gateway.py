from typing import Any

import pytest

from services.gl.import_config.__main__ import convert
from services.gl.import_config.imported import Imported
from services.gl.import_config.source import ImportRefusedError

DUMMY = "  - {id: d, provider: dummy, config: {}}\n"


def listed(provider: str, models: str = "", **environment: str) -> Imported:
    return convert(f"providers:\n  - {provider}\n{DUMMY}models:\n{models or '  []'}", environment)


def provider(text: str, **environment: str) -> dict[str, Any]:
    return listed(text, **environment).providers[0]


def models(text: str) -> dict[str, list[str]]:
    found = listed("{id: A One, provider: openai, config: {api_key: k}}", text)
    return {model["name"]: model["targets"] for model in found.models}


@pytest.mark.parametrize(
    ("config", "imported"),
    [
        (
            "provider: openai, config: {api_key: k, org_id: o, api_url: 'https://x.example/'}",
            {
                "dialect": "openai",
                "url": "https://x.example/v1",
                "api_key": "k",
                "headers": {"OpenAI-Organization": ["o"]},
            },
        ),
        (
            "provider: azure_openai, config: {api_key: k, api_url: 'https://x.example', api_version: '2024-06-01'}",
            {"dialect": "azure", "url": "https://x.example", "api_version": "2024-06-01", "api_key": "k"},
        ),
        (
            "provider: azure_openai, config: {api_key: k, api_url: 'https://x.example', api_type: AZURE_AD}",
            {
                "dialect": "azure",
                "url": "https://x.example",
                "api_version": "v1",
                "headers": {"Authorization": ["Bearer k"]},
            },
        ),
        (
            "provider: anthropic, config: {api_key: k}",
            {"dialect": "anthropic", "url": "https://api.anthropic.com", "api_key": "k"},
        ),
        (
            "provider: vertex_ai, config: {project_id: p, location: eu, path_to_creds_file: /f.json}",
            {"dialect": "vertex", "project": "p", "location": "eu", "credentials_file": "/f.json"},
        ),
        ("provider: gemini, config: {api_key: k}", {"dialect": "gemini", "api_key": "k"}),
        ("provider: ollama, config: {}", {"dialect": "ollama", "url": "http://localhost:11434"}),
        (
            "provider: huggingface, config: {api_key: k}",
            {
                "dialect": "openai",
                "profile": "huggingface",
                "url": "https://router.huggingface.co/v1",
                "api_key": "k",
            },
        ),
    ],
)
def test_types_of_providers(config: str, imported: dict[str, Any]) -> None:
    assert provider("{id: A One, " + config + "}") == {"name": "a-one"} | imported


def test_a_variable_comes_before_the_file_for_the_only_entry_of_its_type() -> None:
    entry = "{id: a, provider: openai, config: {api_key: k}}"
    assert provider(entry, OPENAI_API_KEY="e")["api_key"] == "${OPENAI_API_KEY}"
    assert provider(entry, OPENAI_API_KEY="")["api_key"] == "k"
    two = f"{entry}\n  - {{id: b, provider: openai, config: {{}}}}"
    keys = [one.get("api_key") for one in listed(two, OPENAI_API_KEY="e").providers]
    assert keys == ["k", "${OPENAI_API_KEY}", None]
    hugging_face = "{id: a, provider: huggingface, config: {}}"
    assert provider(hugging_face, HF_TOKEN="e")["api_key"] == "${HF_TOKEN}"


def test_a_variable_may_decide_the_kind_of_azure() -> None:
    entry = "{id: a, provider: azure_openai, config: {api_key: k, api_url: 'https://x.example'}}"
    assert provider(entry, AZURE_OPENAI_API_TYPE="AZURE_AD")["headers"] == {"Authorization": ["Bearer k"]}


def test_vertex_needs_credentials_of_some_kind() -> None:
    """With nothing but a key of Google, llm-gateway called Gemini's API."""
    entry = "{id: a, provider: vertex_ai, config: {}}"
    with pytest.raises(ImportRefusedError, match=r"line 2: providers\[0\].config.path_to_creds_file: must be a file"):
        provider(entry)
    assert provider(entry, GOOGLE_API_KEY="e") == {"name": "a", "dialect": "gemini", "api_key": "${GOOGLE_API_KEY}"}
    found = provider(entry, VERTEX_AI_CREDS_FILE="e")
    assert found == {
        "name": "a",
        "dialect": "vertex",
        "project": "${VERTEX_AI_PROJECT_ID|GOOGLE_CLOUD_PROJECT}",
        "location": "us-central1",
        "credentials_file": "${VERTEX_AI_CREDS_FILE}",
    }
    assert "credentials_file" not in provider(entry, GOOGLE_APPLICATION_CREDENTIALS="e")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("azure_openai", "AZURE_OPENAI_API_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("gemini", "GEMINI_API_KEY"),
        ("huggingface", "HF_TOKEN"),
    ],
)
def test_a_provider_without_a_key_is_refused(kind: str, name: str) -> None:
    """llm-gateway does not start either. The variable is looked for where the import runs."""
    message = rf"line 2: providers\[0\].config.api_key: must be a key, because {name} is not set"
    with pytest.raises(ImportRefusedError, match=message):
        provider(f"{{id: a, provider: {kind}, config: {{}}}}")


def test_variables_come_before_port_and_log_level_of_the_file() -> None:
    text = "server: {port: 1}\nlogging: {level: warn}\nmodels: []"
    assert convert(text, {}).settings == {"gl_port": 1, "log_level": "WARN"}
    found = convert(text, {"SERVER_PORT": "2", "LOG_LEVEL": "Trace"})
    assert found.settings == {"gl_port": 2, "log_level": "DEBUG"}
    assert convert("models: []", {"SERVER_PORT": "2"}).settings == {"gl_port": 2}
    assert convert(text, {"SERVER_PORT": "", "LOG_LEVEL": "loud"}).lost == [
        "LOG_LEVEL: must be one of debug, error, fatal, info, trace, warn"
    ]
    with pytest.raises(ImportRefusedError, match=r"^SERVER_PORT: must be a port"):
        convert(text, {"SERVER_PORT": "65536"})


def test_a_port_that_lists_never_used_is_listed_if_it_is_wrong() -> None:
    found = convert("server: {port: x}\nproviders: []", {})
    assert (found.settings, found.lost) == ({}, ["line 1: server.port: must be a port from 1 to 65535"])


def test_a_dollar_in_the_file_means_itself() -> None:
    """`$` begins a variable in gl_config.json; what is written as a variable in the file becomes one."""
    assert listed("{id: a, provider: openai, config: {api_key: 'a$b$$c'}}").fragment()["providers"][0]["api_key"] == (
        "a$$b$$$$c"
    )
    kept = listed("{id: a, provider: openai, config: {api_key: '${MY_KEY}'}}").fragment()["providers"][0]["api_key"]
    assert kept == "${MY_KEY}"


def test_urls_that_cannot_be_called() -> None:
    """The provider is left out, and its models go on to their fallbacks, as calls did."""
    text = "  - {id: m, name: n, provider: a, fallback: [f]}\n  - {id: f, provider: d}"
    for url in ("nowhere", "ftp://x.example", "http://", "http://x.example:port"):
        found = listed(f"{{id: a, provider: openai, config: {{api_key: k, api_url: '{url}'}}}}", text)
        assert [one["dialect"] for one in found.providers] == ["dummy"]
        assert found.models[0] == {"name": "m", "targets": ["d/f"]}
        assert found.lost == [
            "line 2: providers[0].config.api_url: must be an http or https address: the provider is left out"
        ]
    with pytest.raises(ImportRefusedError, match=r"line 2: providers\[0\].config.api_url: must be an http"):
        listed("{id: a, provider: ollama, config: {api_url: 'nowhere'}}")
    assert convert("providers: {up: {api_key: k}}\nmodels: {m: up}", {}).models == []


def test_fallbacks_are_ids_and_do_not_lead_on() -> None:
    text = """
  - {id: one, name: n1, provider: A One, fallback: [two, nope, one, n3, null]}
  - {id: two, name: n2, provider: A One, fallback: [three]}
  - {id: three, name: n3, provider: d}
  - {id: ghost, name: n4, provider: nobody, fallback: [three]}
  - {id: bare, provider: d}
"""
    assert models(text) == {
        "one": ["a-one/n1", "a-one/n2"],
        "two": ["a-one/n2", "d/n3"],
        "three": ["d/n3"],
        "ghost": ["d/n3"],
        "bare": ["d/bare"],
    }


def test_what_is_lost_is_told_with_line_and_key() -> None:
    text = """server: {port: 9000, base_url: http://x}
logging: {level: warn, format: text}
openapi: {spec_path: x}
providers:
  - {id: v, provider: openai, config: {api_key: k, api_url: nowhere}}
  - {id: d, provider: dummy, config: {}}
models:
  - {id: m, provider: v}
  - {id: n, provider: d, timeout: 3}
  - {id: n, provider: d}
  - {name: x, provider: d}
  - {id: 'a*', provider: d}
"""
    found = convert(text, {})
    assert found.settings == {"gl_port": 9000, "log_level": "WARN"}
    assert [model["name"] for model in found.models] == ["n"]
    assert found.outbound == {"fail_on": ["4xx", "5xx"]}
    assert sorted(line.partition(": ")[2].partition(":")[0] for line in found.lost) == [
        *("logging.format", "models[0]", "models[1].timeout", "models[2]", "models[3]", "models[4]"),
        *("openapi", "providers[0].config.api_url", "server.base_url"),
    ]


def test_the_forms_with_maps() -> None:
    text = """providers:
  up: {api_key: k, api_url: http://x.example, is_openai_compatible: true}
  off: {api_url: http://y.example, is_openai_compatible: false}
  google: {api_url: https://generativelanguage.googleapis.com/v1beta/openai, api_key: g}
models:
  gpt-x: {provider: up, fallback: [dummy-model]}
  plain: up
  gone: {provider: off}
  dummy-model: dummy
"""
    found = convert(text, {})
    assert found.providers == [
        {"name": "up", "dialect": "openai", "url": "http://x.example/v1", "api_key": "k"},
        {"name": "google", "dialect": "gemini", "api_key": "g"},
        {"name": "dummy", "dialect": "dummy"},
    ]
    assert found.models == [
        {"name": "gpt-x", "targets": ["up/gpt-x", "dummy/dummy-model"]},
        {"name": "plain", "targets": ["up/plain"]},
        {"name": "dummy-model", "targets": ["dummy/dummy-model"]},
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{id: a, provider: Dummy, config: {}}", r"line 2: providers\[0\].provider: provider must be one of"),
        ("{id: a, config: {}}", r"line 2: providers\[0\]: provider must be one of"),
        ("{provider: dummy, config: {}}", r"line 2: providers\[0\]: must have an id"),
        ("{id: a, provider: dummy, config: }", r"line 2: providers\[0\].config: config must be a map"),
        ("{id: a, provider: dummy, config: []}", r"line 2: providers\[0\].config: must be a map"),
        ("{id: a, provider: dummy, config: {a: 1}}", r"line 2: providers\[0\].config.a: is no key"),
        ("{id: a, provider: openai, config: {api_key: 5}}", r"line 2: providers\[0\].config.api_key: must be a text"),
        ("{id: a, provider: openai, config: {api_key: [x]}}", r"line 2: providers\[0\].config.api_key: must be a text"),
        ("x", r"line 2: providers\[0\]: must be a map"),
        ("", r"providers\[0\]: must be a map"),
    ],
)
def test_wrong_entries_are_refused_with_line_and_key(entry: str, message: str) -> None:
    with pytest.raises(ImportRefusedError, match=message):
        listed(entry)


@pytest.mark.parametrize(
    "text",
    [
        "providers: []\nmodels: {a: b}",
        "providers: {}\nmodels: []",
        "server: 5\nproviders: []",
        "providers: []\nproviders: []",
        "server: {port: x}\nproviders: {}",
    ],
)
def test_wrong_shapes_are_refused(text: str) -> None:
    with pytest.raises(ImportRefusedError):
        convert(text, {})


@pytest.mark.parametrize(
    "text",
    [
        "providers: [{id: d, provider: dummy, config: {}}]\nmodels: [{id: d/m, name: m, provider: d}]",
        "providers: {d: {api_url: http://x.example}}\nmodels: {d/d/m: d}",
    ],
)
def test_an_id_may_be_like_a_provider_and_its_model(text: str) -> None:
    """`d/m` would be its own target if the provider were called d."""
    (model,) = convert(text, {}).models
    assert model["targets"][0].startswith("d-2/")
