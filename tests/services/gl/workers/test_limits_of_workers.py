"""Limits with two workers: without JetStream they are never exceeded, with it by no more than what is documented."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.test_quotas import EVASIONS, HUNDRED
from tests.support.waiting import until

ASKED = json.dumps({"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}).encode()
ANSWER = b'{"object":"chat.completion","usage":{"prompt_tokens":40,"completion_tokens":9,"total_tokens":49}}'
LIMITS = {
    "/rpm/": {"quotas": {"rpm": 5}},
    "/rpd/": {"quotas": {"rpd": 4}},
    "/one/": {"quotas": {"rpm": 1}},
    "/tokens/": {"budget": {"tokens": 196, "period": "total"}},
    "/parallel/": {"quotas": {"rpm": 7}},
}


@pytest.fixture(scope="module")
def divided(tmp_path_factory, bus_server, shared_upstream):
    listed = [router(path, shared_upstream.url) | limits for path, limits in LIMITS.items()]
    values = config_of(bus_server.hostname, listed, workers=2)
    gateway = Gateway(tmp_path_factory.mktemp("divided"), bus_server, values).ready()
    yield gateway
    gateway.close()


def ask(gateway, path):
    return gateway.call("POST", f"{path}v1/chat/completions", {"Content-Type": "application/json"}, ASKED).status


@pytest.mark.parametrize(("path", "most"), [("/rpm/", 5), ("/rpd/", 4), ("/one/", 1), ("/tokens/", 4)])
def test_workers_divide_a_limit(divided, upstream, path, most):
    """One after the other on new connections, which reach either worker: all of a limit can be used, and no more."""
    upstream.behaviour = lambda talk: talk.reply(ANSWER)
    statuses = [ask(divided, path) for _ in range(40)]
    assert set(statuses) <= {200, 429}
    assert len(upstream.seen) == statuses.count(200) == most


def test_calls_at_a_time(divided, upstream):
    """Thirty-two at a time do not exceed it either."""
    upstream.behaviour = lambda talk: talk.reply(ANSWER)
    with ThreadPoolExecutor(32) as pool:
        statuses = list(pool.map(lambda _: ask(divided, "/parallel/"), range(64)))
    assert statuses.count(200) == len(upstream.seen) <= LIMITS["/parallel/"]["quotas"]["rpm"]


@pytest.fixture(scope="module")
def sharing(tmp_path_factory, stream_server, shared_upstream):
    """Two workers on a bus with JetStream, which tell each other what they count."""
    listed = [router(f"/{name}/", shared_upstream.url) | HUNDRED for name in EVASIONS]
    values = config_of(stream_server.hostname, listed, workers=2, errors="openai")
    gateway = Gateway(tmp_path_factory.mktemp("sharing"), stream_server, values).ready()
    yield gateway
    gateway.close()


@pytest.mark.parametrize("name", EVASIONS)
def test_nothing_leads_around_a_budget(sharing, upstream, name):
    """Two calls fit. Before an exchange both workers may let two pass; after it, neither lets anything pass."""
    asked, lines, body = EVASIONS[name]

    def talk(conversation):
        conversation.head(*lines, f"Content-Length: {len(body)}", status=200)
        conversation.send(body)

    upstream.behaviour = talk
    path, headers = f"/{name}/v1/chat/completions", {"Content-Type": "application/json"}

    def status():
        return sharing.call("POST", path, headers, json.dumps(asked).encode()).status

    until(lambda: [status() for _ in range(12)] == [429] * 12, "both workers to refuse")
    assert 2 <= len(upstream.seen) <= 4
