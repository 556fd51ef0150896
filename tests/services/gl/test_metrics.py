"""The admin port of a real gateway: its counters are the sums of its records, and it tells its health."""

import json
import shutil
import subprocess

import pytest

from tests.services.gl.rig.bus import says
from tests.services.gl.rig.gateway import processor, router
from tests.services.gl.rig.http_client import HttpClient
from tests.support.metrics import of_records, sample, samples
from tests.support.ports import free_port
from tests.support.waiting import until

JSON = {"Content-Type": "application/json"}
CHAT = "/v1/chat/completions"
MODEL = "gpt-4o-mini-2024-07-18"


def answer(talk):
    """A provider: 503 for the model `down`, a stream if asked for one, else an answer with usage."""
    asked = json.loads(talk.request.body)
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    usage["prompt_tokens_details"] = {"cached_tokens": 4}
    if asked["model"] == "down":
        talk.reply(b'{"error":{"message":"down"}}', 503)
    elif asked.get("stream"):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
        event = {"id": "c", "object": "chat.completion.chunk", "model": MODEL, "choices": [choice], "usage": usage}
        talk.chunk(b"data: %b\n\n" % json.dumps(event).encode())
        talk.chunk(b"data: [DONE]\n\n")
        talk.chunk(b"")
    else:
        said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
        body = {"id": "c", "object": "chat.completion", "model": MODEL, "choices": [said], "usage": usage}
        talk.reply(json.dumps(body).encode())


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two workers"])
def serving(request, run_gateway, shared_upstream):
    url = f"{shared_upstream.url}/v1"
    provider = {
        "name": "main",
        "dialect": "openai",
        "profile": "openai",
        "url": url,
        "api_key": "k",
        "models": ["down"],
    }
    return run_gateway(
        [
            {"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}},
            {**router("/few/", shared_upstream.url), "quotas": {"rpm": 1}},
            router("/locked/", shared_upstream.url, required={"Api-Key": ["key"]}),
        ],
        providers=[provider],
        models=[{"name": "pair", "targets": ["main/down", f"main/{MODEL}"]}],
        request={"processors": [[processor("tagger", required=True, input_fields_include=["gl_path"])]]},
        admin_port=free_port(),
        workers=request.param,
    )


@pytest.fixture
def scrape(serving):
    def scraped():
        with HttpClient(serving.values["admin_port"]) as client:
            reply = client.ask("GET", "/metrics").reply()
        assert reply.status == 200
        return reply.body.decode()

    return scraped


def chat(gateway, **fields):
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], **fields}).encode()
    return gateway.call("POST", CHAT, JSON, body)


def test_sums_of_the_records(serving, upstream, bus, scrape):
    """Every counter of calls, tokens, cost and processors equals the sum over the records, to the last digit."""
    upstream.behaviour = answer
    bus.scripts["processor.tagger"] = says(tag=1)
    known = len(bus.records)
    for number in range(12):
        chat(serving, model="pair" if number % 3 == 0 else f"main/{MODEL}", stream=number % 2 == 0)
    chat(serving, model="main/down")
    until(lambda: len(bus.records) == known + 13, "the records")
    found = until(lambda: _with_calls(samples(scrape()), 13), "the last call")
    expected = of_records(bus.records[known:])
    assert expected[sample("gecholog_cost_usd_total", provider="main", model=MODEL, owner="")] > 0
    assert {key: found.get(key) for key in expected} == expected
    assert found[sample("gecholog_attempts_total", provider="main", outcome="server_error")] == 5
    assert found[sample("gecholog_attempts_total", provider="main", outcome="ok")] == 12
    labels = {"router": "/v1/", "provider": "main", "model": MODEL}
    assert found[sample("gecholog_upstream_duration_seconds_count", **labels)] == 12
    assert found[sample("gecholog_time_to_first_chunk_seconds_count", **labels)] >= 6


def _with_calls(found, count):
    total = sum(value for (name, _), value in found.items() if name == "gecholog_requests_total")
    return found if total >= count else None


def test_labels_are_bounded(serving, upstream, bus, scrape):
    """Names that clients make up are no labels: models, methods and paths."""
    upstream.behaviour = answer
    bus.scripts["processor.tagger"] = says(tag=1)
    chat(serving, model="main/made-up-by-a-client")
    serving.call("GET", "/nowhere/made-up-by-a-client")
    serving.call("BREW", "/v1/made-up-by-a-client")
    labels = {"router": "/v1/", "provider": "main", "model": "other", "status": "200"}
    text = until(lambda: _if(scrape(), lambda found: samples(found).get(sample("gecholog_requests_total", **labels))))
    found = samples(text)
    assert "made-up" not in text
    assert found[sample("gecholog_requests_total", router="other", provider="", model="", status="404")] >= 1
    assert found[sample("http_requests_total", method="GET", path="other")] >= 1
    assert found[sample("http_requests_total", method="other", path="other")] >= 1


def _if(value, condition):
    return value if condition(value) else None


def test_calls_without_a_record(serving, scrape):
    """Calls that leave no record are counted, and so are refusals because of a limit."""
    assert serving.call("GET", "/locked/x").status == 401
    statuses = [serving.call("GET", "/few/x").status for _ in range(3)]
    assert statuses.count(429) >= 1
    labels = {"router": "/locked/", "provider": "", "model": "", "status": "401"}
    until(lambda: samples(scrape()).get(sample("gecholog_requests_total", **labels)), "the refused call")
    assert samples(scrape())[sample("gecholog_limit_hits_total", kind="rpm")] >= 1


def test_state(serving, scrape):
    """The state of the gateway is shown, and scrapes and probes are no calls."""
    before = samples(scrape())
    assert serving.call("GET", "/healthz").status == 200
    found = samples(scrape())
    assert found[("gecholog_bus_connected", ())] == 1
    assert found[("gecholog_config_generation", ())] >= 1
    assert found[("gecholog_journal_limit_bytes", ())] > 0
    assert found[("gecholog_records_pending", ())] == 0
    assert found[("process_resident_memory_bytes", ())] > 10_000_000
    assert [key for key in found if key[0] == "gecholog_build_info"]
    count = [
        sum(value for (name, _), value in each.items() if name == "http_requests_total") for each in (before, found)
    ]
    assert count[0] == count[1]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool(scrape):
    """Prometheus' own check of names and help texts finds nothing, but for a name that llm-gateway has given."""
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape().encode(), capture_output=True, check=False)
    assert done.stderr.decode().splitlines() == []
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/healthz", 200, b'{"status":"ok"}'),
        ("GET", "/readyz", 200, b'{"status":"ok","bus":"connected"}'),
        ("HEAD", "/metrics", 200, b""),
        ("POST", "/metrics", 405, b"method not allowed\n"),
        ("GET", "/v1/models", 404, b"not found: /metrics, /healthz and /readyz are here\n"),
    ],
)
def test_admin_port(serving, method, path, status, body):
    """The admin port has three paths, and none of the gateway's own."""
    with HttpClient(serving.values["admin_port"]) as client:
        reply = client.ask(method, path).reply(to_head=method == "HEAD")
    assert (reply.status, reply.body) == (status, body)


def test_port_taken(run_gateway, shared_upstream):
    """A port that is taken is a warning: the gateway serves, and takes the port of a later config that is free."""
    first = run_gateway([router("/service/", shared_upstream.url)], admin_port=free_port())
    other = run_gateway([router("/service/", shared_upstream.url)], admin_port=first.values["admin_port"])
    assert "admin port not available, no metrics are served" in other.process.messages()
    assert other.call("GET", "/healthz").status == 200
    other.reload(other.values | {"admin_port": free_port()})
    with HttpClient(other.values["admin_port"]) as client:
        found = samples(client.ask("GET", "/metrics").reply().body.decode())
    assert found[("gecholog_config_generation", ())] == 2
    without = {name: value for name, value in other.values.items() if name != "admin_port"}
    port = other.values["admin_port"]
    other.reload(without)
    with pytest.raises(OSError), HttpClient(port):  # noqa: PT011 - refused
        pass
