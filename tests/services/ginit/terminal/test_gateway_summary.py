"""What the terminal knows of gl's config."""

import json

import pytest

from gecholog.bus_address import BusAddress
from services.ginit.terminal.gateway_summary import read

ROUTERS = [
    {"path": "/echo/", "outbound": {"url": "https://localhost"}},
    {"path": "/a/", "outbound": {"url": "https://user:secret@api.example.com:8443/v1?key=secret"}},
    {"path": "/b/", "outbound": {"url": "${MISSING}"}},
]


@pytest.fixture
def file(tmp_path):
    bus = {"hostname": "localhost:4222", "topic_exact_logger": "coburn.gl.logger", "token": "${NATS_TOKEN}"}
    file = tmp_path / "gl_config.json"
    file.write_text(json.dumps({"service_bus": bus, "routers": ROUTERS}), "utf-8")
    return file


def test_routers_lead_to_hosts(file, tmp_path):
    """Nothing of a url but scheme and host is shown: the rest may hold secrets."""
    gateway = read(file, {"NATS_TOKEN": "abc"}, tmp_path)
    assert [router.destination for router in gateway.routers] == [
        "shows what would be sent",
        "https://api.example.com:8443",
        "",
    ]
    assert (gateway.bus, gateway.subject) == (BusAddress.of("localhost:4222", "abc"), "coburn.gl.logger")


def test_generated_token(file, tmp_path):
    """A token that was made at the first start is in a file."""
    (tmp_path / "NATS_TOKEN").write_text("made\n", "ascii")
    assert read(file, {}, tmp_path).bus.credentials.token == "made"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"routers": 7}', '{"routers": [{}], "service_bus": {}}'])
def test_config_that_cannot_be_read(file, tmp_path, text):
    """Its validation says what is wrong; the terminal goes without."""
    file.write_text(text, "utf-8")
    assert read(file, {"NATS_TOKEN": "abc"}, tmp_path) is None


def test_token_is_not_shown(file, tmp_path):
    """Not even by a debugger's look at the object."""
    assert "abc" not in repr(read(file, {"NATS_TOKEN": "abc"}, tmp_path))


def test_models_name_their_providers(tmp_path):
    """Those whose variables have values: a key, and an address where there is no usual one."""
    providers = [
        {"name": "openai", "dialect": "openai", "url": "${NO_URL}", "api_key": "${KEY}"},
        {"name": "gemini", "dialect": "gemini", "api_key": "${NO_KEY}"},
        {"name": "azure", "dialect": "azure", "url": "${NO_URL}", "api_key": "${KEY}"},
        {"name": "off", "dialect": "dummy", "enabled": False},
        {"name": "dummy", "dialect": "dummy"},
    ]
    bus = {"hostname": "h:1", "topic_exact_logger": "l", "token": "t"}
    routers = [{"path": "/v1/", "outbound": {"models": ["*"]}}]
    file = tmp_path / "gl_config.json"
    file.write_text(json.dumps({"service_bus": bus, "providers": providers, "routers": routers}), "utf-8")
    (router,) = read(file, {"NATS_TOKEN": "abc", "KEY": "k"}, tmp_path).routers
    assert router.destination == "the APIs of OpenAI and Anthropic, models of openai, dummy"
