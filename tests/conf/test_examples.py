"""The example configs in conf/examples: each is valid, and does what docs/providers.md says.

The programs of the page are run unchanged, with a gateway that has the example and with a fake provider.
"""

import importlib.util
import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.services.gl.rig.bus import Listener
from tests.services.gl.rig.gateway import Gateway
from tests.services.gl.rig.upstream import Upstream
from tests.support import forking
from tests.support.nats_server import NatsServer
from tests.support.pages import ROOT, blocks_by_name
from tests.support.ports import free_port
from tests.support.process import environment_of

FOLDER = ROOT / "conf" / "examples"
PROGRAMS = blocks_by_name(ROOT / "docs" / "providers.md")
SERVICES = {"gl_config.json": "services.gl", "nats2log_config.json": "services.nats2log"}
EXAMPLES = sorted(file.name for file in FOLDER.iterdir())
ROUTERS = [name for name in EXAMPLES if name.endswith(".gl_config.json")]
OPEN = {"/echo/", "/dummy/"}  # of the default config, to try things out
DEFAULT = json.loads((ROOT / "conf" / "gl_config.json").read_text("utf-8"))

CLIENT_KEY, PROVIDER_KEY = "key-of-the-client", "key-of-the-provider"
ENVIRONMENT = {
    "GECHOLOG_API_KEY": CLIENT_KEY,
    **dict.fromkeys(
        ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "LLM_API_KEY"), PROVIDER_KEY
    ),
    "LOG_API_URL": "https://logs.example.com",
    "LOG_API_KEY": PROVIDER_KEY,
    "ELASTIC_URL": "https://elastic.example.com",
    "ELASTIC_PASSWORD": PROVIDER_KEY,
    "AZURE_LOGS_INGESTION_ENDPOINT": "https://example.ingest.monitor.azure.com",
    "AZURE_LOGS_INGESTION_RULE_ID": "dcr-00000000000000000000000000000000",
    "AZURE_TENANT_ID": "tenant",
    "AZURE_CLIENT_ID": "client",
    "AZURE_CLIENT_SECRET": PROVIDER_KEY,
}
BASES = {"AZURE_OPENAI_ENDPOINT": "https://example.openai.azure.com", "LLM_API_BASE": "https://llm.example.com"}
FIXED = ("https://api.openai.com", "https://api.anthropic.com", "https://generativelanguage.googleapis.com")
OLLAMA = "http://127.0.0.1:11434"

# The program of the page that calls each router of an example, and the module that it needs.
CALLS = {
    "openai": {"ask_openai.py": "openai"},
    "azure_openai": {"ask_azure_openai.py": "openai"},
    "anthropic": {"ask_anthropic.py": "anthropic"},
    "anthropic_x_api_key": {"ask_anthropic_x_api_key.py": "anthropic"},
    "gemini": {"ask_gemini.py": "google.genai"},
    "ollama": {"ask_ollama.py": "openai", "ask_ollama_native.py": "ollama"},
    "openai_compatible": {"ask_openai_compatible.py": "openai"},
}
CALLS["all_providers"] = {
    program: module
    for name, programs in CALLS.items()
    if name != "anthropic_x_api_key"
    for program, module in programs.items()
}

CHAT = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello client"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
MESSAGE = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "model": "c",
    "content": [{"type": "text", "text": "Hello client"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
GENERATED = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello client"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
}
OLLAMA_CHAT = {
    "model": "llama3.2",
    "created_at": "2026-01-01T00:00:00Z",
    "message": {"role": "assistant", "content": "Hello client"},
    "done": True,
    "prompt_eval_count": 3,
    "eval_count": 2,
}
QUERY = "api-version=2024-10-21"
ANSWERS = {
    "/v1/chat/completions": CHAT,
    f"/openai/deployments/my-deployment/chat/completions?{QUERY}": CHAT,
    "/v1/messages": MESSAGE,
    "/v1/models/gemini-2.5-flash:generateContent": GENERATED,  # version 3 of the SDK; older ones ask v1beta
    "/v1beta/models/gemini-2.5-flash:generateContent": GENERATED,
    "/api/chat": OLLAMA_CHAT,
}


def provider(talk):
    """A provider with all these APIs. An unknown path is an error that the client shows."""
    answer = ANSWERS.get(talk.request.target)
    if answer is None:
        talk.reply(json.dumps({"error": {"message": f"no such path: {talk.request.target}"}}).encode(), 404)
    else:
        talk.reply(json.dumps(answer).encode())


@pytest.fixture(scope="module")
def bus(tmp_path_factory):
    server = NatsServer(tmp_path_factory.mktemp("bus"), jetstream=False)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def records(bus):
    listener = Listener(bus)
    yield listener
    listener.stop()


@pytest.fixture(scope="module")
def upstream():
    one = Upstream()
    yield one
    one.stop()


@contextmanager
def gateway_with(name, folder, bus, upstream):
    """Start a gateway with an example, unchanged except for ports and the addresses of providers."""
    text = (FOLDER / name).read_text("utf-8")
    for address in (*FIXED, OLLAMA):
        text = text.replace(address, upstream.url)
    values = json.loads(text) | {"gl_port": free_port(), "gl_host": "127.0.0.1"}
    values["service_bus"]["hostname"] = bus.hostname
    upstream.reset()
    upstream.behaviour = provider
    gateway = Gateway(folder, bus, values, ENVIRONMENT | dict.fromkeys(BASES, upstream.url))
    try:
        yield gateway.ready()
    finally:
        gateway.close()


def run(program, gateway, folder, key=CLIENT_KEY):
    """Run a program of the page, and return it when it has ended."""
    file = folder / program
    file.write_text(PROGRAMS[program].replace("http://localhost:5380", f"http://127.0.0.1:{gateway.port}"), "utf-8")
    env = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL", "_TOKEN"))}
    return subprocess.run(
        [sys.executable, str(file)],
        cwd=folder,
        env=env | {"GECHOLOG_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def is_installed(module):
    """Return whether a module can be imported, including its package."""
    package = module.partition(".")[0]
    return importlib.util.find_spec(package) is not None and importlib.util.find_spec(module) is not None


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_is_valid(name, tmp_path):
    """The service's own validation reports nothing if the variables that the page names are set."""
    module = SERVICES[name.partition(".")[2]]
    done = subprocess.run(
        [forking.PYTHON, "-m", module, "-o", str(FOLDER / name), "--validate"],
        env=environment_of(tmp_path, ENVIRONMENT | BASES | {"NATS_TOKEN": "TokenOfTheTests"}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["msg"] for line in done.stdout.splitlines()] == ["config is valid"]


@pytest.mark.parametrize("name", ROUTERS)
def test_it_is_the_default_but_for_its_routers(name):
    """An example keeps masks, bus and port, and has neither models nor processors. One also removes a header."""
    values = json.loads((FOLDER / name).read_text("utf-8"))
    assert set(values["remove_headers"]) - {"Authorization"} == set(DEFAULT["remove_headers"])
    assert values["request"] == values["response"] == {"processors": []}
    own = {"routers": [], "remove_headers": [], "providers": [], "models": [], "request": {}, "response": {}}
    assert values | own == DEFAULT | own
    usual = [router for router in DEFAULT["routers"] if router["path"] in OPEN]
    assert [router for router in values["routers"] if router["path"] in OPEN] == usual


def test_every_example_is_called():
    """Every example and every program of the page is tested."""
    assert {f"{name}.gl_config.json" for name in CALLS} == set(ROUTERS)
    programs = {name for name in PROGRAMS if name.endswith(".py")}
    assert {program for calls in CALLS.values() for program in calls} == programs


@pytest.mark.parametrize("name", sorted(CALLS))
def test_calls(name, tmp_path, bus, records, upstream):
    """The page's programs get a response. The provider gets its key, never the client's. The record has neither."""
    with gateway_with(f"{name}.gl_config.json", tmp_path, bus, upstream) as gateway:
        for program, module in CALLS[name].items():
            if not is_installed(module):
                continue  # `test_without_its_sdk` makes the same call
            upstream.seen.clear()
            before = len(records.records)
            done = run(program, gateway, tmp_path)
            assert done.stdout == "Hello client\n", done.stderr
            checked(upstream.asked(), records, before, program)


@pytest.mark.parametrize(
    ("name", "path", "header"),
    [
        ("gemini", "/gemini/v1beta/models/gemini-2.5-flash:generateContent", {"X-Goog-Api-Key": CLIENT_KEY}),
        ("ollama", "/ollama/api/chat", {"Authorization": f"Bearer {CLIENT_KEY}"}),
    ],
)
def test_without_its_sdk(name, path, header, tmp_path, bus, records, upstream):
    """Send what the SDKs of Gemini and Ollama send, because they are not among the packages of this checkout."""
    with gateway_with(f"{name}.gl_config.json", tmp_path, bus, upstream) as gateway:
        before = len(records.records)
        reply = gateway.call("POST", path, {"Content-Type": "application/json"} | header, b"{}")
        assert (reply.status, reply.json()) == (200, GENERATED if name == "gemini" else OLLAMA_CHAT)
        checked(upstream.asked(), records, before, "native")


def checked(request, records, before, program):
    """Check the request at the provider and the record of the call."""
    key = b"ollama" if request.target == "/api/chat" or "ollama" in program else PROVIDER_KEY.encode()
    assert key in request.head
    assert CLIENT_KEY.encode() not in request.head
    record = records.where(lambda one: one in records.records[before:])
    text = json.dumps(record)
    assert CLIENT_KEY not in text
    assert PROVIDER_KEY not in text
    assert "*****MASKED*****" in text
    counted = record["response"]["token_count"]
    assert (counted["prompt_tokens"], counted["completion_tokens"]) == (3, 2)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_another_key_is_refused(name, tmp_path, bus, upstream):
    """A client with a wrong key, or none, gets 401 from the gateway, and the provider gets nothing."""
    with gateway_with(f"{name}.gl_config.json", tmp_path, bus, upstream) as gateway:
        for router in [router for router in gateway.values["routers"] if router["path"] not in OPEN]:
            (header,) = router["ingress"]["headers"]
            for headers in ({}, {header: "wrong"}, {header: f"Bearer {PROVIDER_KEY}"}):
                reply = gateway.call("GET", f"{router['path']}v1/models", headers)
                assert reply.status == 401
                assert f"missing or wrong key in {header}" in reply.json()["error"]["message"]
        assert not upstream.seen


def test_the_page_shows_a_router_of_the_file():
    """The router of the page is that of the example."""
    shown = json.loads(PROGRAMS["router of openai.gl_config.json"])
    assert shown in json.loads((FOLDER / "openai.gl_config.json").read_text("utf-8"))["routers"]
