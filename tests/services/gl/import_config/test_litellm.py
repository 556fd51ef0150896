"""LiteLLM's `config.yaml`: what becomes of deployments, routing and settings."""

from typing import Any

import pytest

from services.gl.import_config.__main__ import convert
from services.gl.import_config.imported import Imported


def deployments(*entries: str, **sections: str) -> Imported:
    """A file with deployments, as `NAME: {PARAMS}`, and other sections."""
    listed = [f"  - {{model_name: {name}, litellm_params: {params}}}" for name, _, params in map(_split, entries)]
    others = [f"{name}: {text}" for name, text in sections.items()]
    return convert("\n".join(["model_list:", *listed, *others]), {})


def _split(entry: str) -> tuple[str, str, str]:
    return entry.partition(": ")


def provider(params: str) -> dict[str, Any]:
    return deployments(f"m: {params}").providers[0]


def targets(found: Imported) -> dict[str, list[str]]:
    return {model["name"]: model["targets"] for model in found.models}


def lost(found: Imported) -> list[str]:
    return [line.partition(": ")[2].partition(":")[0] for line in found.lost]


@pytest.mark.parametrize(
    ("params", "entry"),
    [
        ("{model: openai/x, api_base: 'http://h/v1', api_key: k}", {"url": "http://h/v1", "api_key": "k"}),
        (
            "{model: together_ai/a/b}",
            {
                "profile": "generic",
                "url": "https://api.together.xyz/v1",
                "api_key": "${TOGETHERAI_API_KEY|TOGETHER_API_KEY}",
            },
        ),
        ("{model: command-r}", {"dialect": "cohere", "api_key": "${COHERE_API_KEY|CO_API_KEY}"}),
        ("{model: hosted_vllm/x}", {"profile": "vllm", "url": "${HOSTED_VLLM_API_BASE}"}),
        (
            "{model: azure/d, api_base: 'https://a.example', tenant_id: t, client_id: c, client_secret: os.environ/S}",
            {
                "dialect": "azure",
                "url": "https://a.example",
                "api_version": "${AZURE_API_VERSION}",
                "entra_id": {"tenant_id": "t", "client_id": "c", "client_secret": "${S}"},
            },
        ),
        (
            "{model: vertex_ai/x, vertex_project: os.environ/P, vertex_location: eu, vertex_credentials: /f.json}",
            {"dialect": "vertex", "project": "${P}", "location": "eu", "credentials_file": "/f.json"},
        ),
        (
            "{model: gemini-x, vertex_ai_project: p, vertex_ai_location: eu}",
            {"dialect": "vertex", "project": "p", "location": "eu"},
        ),
        (
            "{model: azure/d, api_base: 'https://a.example', api_version: v1, azure_ad_token: os.environ/T}",
            {
                "dialect": "azure",
                "url": "https://a.example",
                "api_version": "v1",
                "headers": {"Authorization": ["Bearer ${T}"]},
            },
        ),
        (
            "{model: vertex_ai/x}",
            {
                "dialect": "vertex",
                "project": "${VERTEXAI_PROJECT|GOOGLE_CLOUD_PROJECT}",
                "location": "${VERTEXAI_LOCATION|VERTEX_LOCATION}",
            },
        ),
        ("{model: bedrock/x}", {"dialect": "bedrock", "region": "${AWS_REGION_NAME|AWS_REGION|AWS_DEFAULT_REGION}"}),
        ("{model: bedrock/converse/eu-west-1/x}", {"dialect": "bedrock", "region": "eu-west-1"}),
        (
            "{model: anthropic/x, api_key: k, timeout: 1.5, extra_headers: {X-A: os.environ/A, X-B: b}}",
            {
                "dialect": "anthropic",
                "api_key": "k",
                "timeouts": {"total_ms": 1500},
                "headers": {"X-A": ["${A}"], "X-B": ["b"]},
            },
        ),
    ],
)
def test_providers(params: str, entry: dict[str, Any]) -> None:
    made = provider(params)
    del made["name"]
    assert made == {"dialect": "openai"} | entry


def test_names_of_models_of_bedrock() -> None:
    """The API and the region in front are not part of the name, a group of regions is."""
    names = ("bedrock/converse/x", "bedrock/us-east-1/x", "bedrock/us.anthropic.claude-v1:0", "bedrock_converse/x")
    found = deployments(*(f"m{index}: {{model: {name}}}" for index, name in enumerate(names)))
    assert [one["targets"][0].partition("/")[2] for one in found.models] == [
        *("x", "x", "us.anthropic.claude-v1:0", "x")
    ]


def test_credentials_of_google_in_the_file_are_listed() -> None:
    """They would be in the config, and gl reads them from a file."""
    found = deployments(
        """m: {model: vertex_ai/x, vertex_project: p, vertex_credentials: '{"private_key": "secret"}'}"""
    )
    assert lost(found) == ["model_list[0].litellm_params.vertex_credentials"]
    assert "secret" not in str(found.lost)


def test_credentials_of_aws_that_its_chain_finds_are_not_lost() -> None:
    params = "{model: bedrock/x, aws_access_key_id: os.environ/AWS_ACCESS_KEY_ID, aws_secret_access_key: s}"
    found = deployments(f"m: {params}")
    assert lost(found) == ["model_list[0].litellm_params.aws_secret_access_key"]
    assert "AWS_SECRET_ACCESS_KEY" in found.lost[0]


def test_a_model_without_a_name_is_left_out() -> None:
    found = deployments("a: {model: azure/}")
    assert (found.providers, found.models, lost(found)) == ([], [], ["model_list[0].litellm_params.model"])


def test_fallbacks_lead_to_deployments_and_not_in_a_circle() -> None:
    """The fallbacks of a fallback are not used; gl would refuse models that contain themselves."""
    found = deployments(
        "a: {model: openai/1}",
        "b: {model: openai/2}",
        "b: {model: openai/3}",
        "c: {model: openai/4}",
        "c: {model: openai/5}",
        router_settings="{fallbacks: [{a: [b]}, {b: [a, c]}, {ghost: [a]}]}",
        litellm_settings="{fallbacks: [{a: [c, ghost]}]}",
    )
    assert targets(found) == {
        "a": ["openai/1", "c", "b-deployments"],
        "b-deployments": ["openai/2", "openai/3"],
        "b": ["b-deployments", "openai/1", "c"],
        "c": ["openai/4", "openai/5"],
    }
    assert lost(found) == ["router_settings.fallbacks[2].ghost", "litellm_settings.fallbacks[0].a[1]"]


def test_the_name_for_deployments_is_a_new_one() -> None:
    found = deployments(
        *("a: {model: openai/1}", "a: {model: openai/2}", "a-deployments: {model: openai/3}"),
        router_settings="{fallbacks: [{a: [a-deployments]}]}",
    )
    assert targets(found) == {
        "a-deployments-deployments": ["openai/1", "openai/2"],
        "a": ["a-deployments-deployments", "openai/3"],
        "a-deployments": ["openai/3"],
    }


def test_default_fallbacks_are_for_models_without_their_own() -> None:
    found = deployments(
        *("a: {model: openai/1}", "b: {model: openai/2}", "c: {model: openai/3}"),
        litellm_settings="{fallbacks: [{a: [b]}], default_fallbacks: [c]}",
    )
    assert targets(found) == {"a": ["openai/1", "openai/2"], "b": ["openai/2", "openai/3"], "c": ["openai/3"]}
    assert found.lost == []


def test_a_model_may_be_called_like_a_provider_and_its_model() -> None:
    """`openai/gpt` would be its own target if the provider were called openai."""
    found = deployments("openai/gpt: {model: openai/gpt}", "groq/x: {model: openrouter/y}")
    assert targets(found) == {"openai/gpt": ["openai-2/gpt"], "groq/x": ["openrouter/y"]}


def test_names_for_any_model() -> None:
    """`openai/*` is what the name of a provider is for here; other names with `*` are models of a provider, or ours."""
    found = deployments(
        "'openai/*': {model: openai/*, api_key: k}",
        "'claude-*': {model: anthropic/claude-*}",
        "'fast-*': {model: groq/llama}",
        "'*': {model: openrouter/*}",
        "'mine/*': {model: mistral/*}",
        "'*': {model: '*'}",
    )
    assert {one["name"]: one.get("models") for one in found.providers} == {
        "openai": None,
        "anthropic": ["claude-*"],
        "groq": None,
        "openrouter": ["*"],
        "mistral": None,
    }
    assert targets(found) == {"fast-*": ["groq/llama"]}
    assert lost(found) == ["model_list[4].model_name", "model_list[5]"]


def test_aliases() -> None:
    found = deployments(
        "a: {model: openai/1}",
        router_settings=(
            "{fallbacks: [{x: [y]}], model_group_alias: {x: a, y: {model: a, hidden: true}, z: ghost, a: a, 'b c': a}}"
        ),
    )
    assert targets(found) == {"a": ["openai/1"], "x": ["a"], "y": ["a"]}
    assert lost(found) == [f"router_settings.model_group_alias.{name}" for name in ("y.hidden", "z", "a", "b c")]


def test_weights() -> None:
    found = deployments("a: {model: openai/1, weight: 0}", "a: {model: openai/2, weight: 2.5}", "a: {model: openai/2}")
    assert found.models[0]["weights"] == [0, 1]
    found = deployments("a: {model: openai/1, weight: 0}", "a: {model: openai/2, weight: 0}")
    assert found.models[0]["weights"] == [1, 1]


def test_the_master_key_lets_clients_in() -> None:
    found = deployments("a: {model: openai/1}", general_settings="{master_key: os.environ/KEY}")
    assert found.fragment()["routers"][0]["ingress"] == {"headers": {"Authorization": ["Bearer ${KEY}"]}}
    found = deployments("a: {model: openai/1}", general_settings="{master_key: null}")
    assert found.fragment()["routers"][0]["ingress"] == {"headers": {}, "keys": "remote"}


def test_retries_of_the_router_come_first() -> None:
    found = deployments("a: {model: openai/1}", litellm_settings="{num_retries: 1}", router_settings="{num_retries: 3}")
    assert found.outbound == {"retries": 3}
    assert lost(found) == ["litellm_settings.num_retries"]


def test_keys_that_are_given_twice_are_listed() -> None:
    """LiteLLM takes the last one, and real files have them."""
    found = deployments(
        "a: {model: openai/1, weight: 1, weight: 2}", litellm_settings="{num_retries: 1, num_retries: 2}"
    )
    assert found.outbound == {"retries": 2}
    assert lost(found) == ["model_list[0].litellm_params.weight", "litellm_settings.num_retries"]
