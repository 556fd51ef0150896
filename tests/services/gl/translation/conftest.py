"""A gateway in front of a dummy that speaks all APIs: one provider for each."""

import pytest

from tests.support.dummy import Dummy


@pytest.fixture(scope="module")
def dummy(tmp_path_factory):
    running = Dummy(tmp_path_factory.mktemp("translation") / "dummy", {})
    running.process.wait_for_log("listening for requests")
    yield running
    running.process.close()


@pytest.fixture(scope="module")
def unified(run_gateway, dummy):
    """The gateway; its router is `/v1/`."""
    url = f"http://127.0.0.1:{dummy.port}"
    providers = [
        {"name": "openai", "dialect": "openai", "url": f"{url}/v1", "api_key": "k", "profile": "openai"},
        {"name": "deepseek", "dialect": "openai", "url": f"{url}/v1", "api_key": "k", "profile": "deepseek"},
        {"name": "anthropic", "dialect": "anthropic", "url": url, "api_key": "k"},
        {"name": "gemini", "dialect": "gemini", "url": url, "api_key": "k"},
        {"name": "ollama", "dialect": "ollama", "url": url},
    ]
    routers = [
        {"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}},
        {"path": "/gemini/", "ingress": {"headers": {}}, "outbound": {"url": url}},
    ]
    return run_gateway(routers, providers=providers)
