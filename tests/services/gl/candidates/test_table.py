"""The candidates of a config, each made once."""

import pytest

from services.gl.models.endpoint import endpoint_of
from services.gl.models.resolving import Choice
from tests.services.gl.rig.stage import built

CHAT = endpoint_of("POST", "chat/completions")
MESSAGES = endpoint_of("POST", "messages")
PROVIDERS = [
    {"name": "one", "dialect": "openai", "url": "http://one/v1", "api_key": "k"},
    {"name": "two", "dialect": "openai", "profile": "deepseek", "url": "http://two", "api_key": "k"},
    {"name": "claude", "dialect": "anthropic", "url": "http://claude", "api_key": "k"},
]
MODELS = [
    {"name": "both", "targets": ["one/a", "two/b"]},
    {"name": "nested", "targets": ["two/c", "both"]},
    {"name": "drawn", "strategy": "weighted", "weights": [1, 1], "targets": ["one/a", "two/b"]},
    {"name": "nested-drawn", "targets": ["one/a", "drawn"]},
]


@pytest.fixture
def config():
    routers = [
        {"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["both", "nested*", "drawn", "*/*"]}}
    ]
    return built(routers, providers=PROVIDERS, models=MODELS)


def names(candidates):
    return [candidate.key for candidate in candidates]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("both", ["one/a", "two/b"]),
        ("nested", ["two/c", "one/a", "two/b"]),
        ("one/x", ["one/x"]),
        ("drawn", []),  # another order for each call
        ("nested-drawn", []),
        ("hidden", []),  # the router does not expose it
        ("unknown/x", []),
    ],
)
def test_names(config, name, found):
    """A name has its candidates in the order of the file, unless a call decides about the order."""
    assert names(config.candidates.of_name(config.routers["/v1/"], name, CHAT)) == found


def test_made_once(config):
    """Calls for the same name share their candidates, and so do names that lead to the same model."""
    router = config.routers["/v1/"]
    both = config.candidates.of_name(router, "both", CHAT)
    assert config.candidates.of_name(router, "both", CHAT) is both
    assert config.candidates.of_name(router, "one/a", CHAT)[0] is both[0]


def test_long_names_are_not_kept(config):
    """Clients choose names, and must not fill the memory."""
    router, name = config.routers["/v1/"], "one/" + "x" * 1000
    first, second = (config.candidates.of_name(router, name, CHAT) for _ in range(2))
    assert first == second
    assert first is not second


def test_endpoints_differ(config):
    """The same name at another endpoint has candidates of its own."""
    router = config.routers["/v1/"]
    (chat,) = config.candidates.of_name(router, "claude/x", CHAT)
    (messages,) = config.candidates.of_name(router, "claude/x", MESSAGES)
    assert (chat.is_translated, messages.is_translated) == (True, False)
    assert messages.place.url == "http://claude/v1/messages"


def test_a_provider_without_the_endpoint_is_left_out(config):
    """DeepSeek has no embeddings: the call goes to the other target alone."""
    embeddings = endpoint_of("POST", "embeddings")
    assert names(config.candidates.of_name(config.routers["/v1/"], "both", embeddings)) == ["one/a"]


def test_without_a_token_there_is_no_candidate():
    """A provider whose token has not come cannot be called; with the token there is another table."""
    entra = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
    azure = {"name": "azure", "dialect": "azure", "url": "http://azure", "entra_id": entra}
    routers = [{"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}}]
    config = built(routers, providers=[azure])
    choice = Choice(config.models.providers["azure"], "m")
    assert config.candidates.of_model(config.routers["/v1/"], choice, CHAT) is None
    assert config.candidates.of_name(config.routers["/v1/"], "azure/m", CHAT) == ()


def test_plain_routers():
    """The candidate of a plain router is its target."""
    plain = built()
    router = plain.routers["/service/"]
    (candidate,) = plain.candidates.of_router(router)
    assert (candidate.router, candidate.provider, candidate.key) == (router, None, "/service/")
    assert candidate.place is None
    assert candidate.reply_headers == {}
