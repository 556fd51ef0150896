"""The demo's files, with the real gl and the dummy, behave as the README says."""

import json
import re
import sys
from pathlib import Path

import pytest

from gecholog import config
from processors.broker.config import config_spec
from services.gl.config import config_spec as config_spec_of_gl
from tests.services.gl.rig.gateway import Gateway
from tests.support.ports import free_port
from tests.support.process import ServiceProcess, environment_of

FOLDER = Path(__file__).parents[3] / "processors" / "broker"
README = (FOLDER / "README.md").read_text("utf-8")
CALL = ("POST", "/azure/v1/chat/completions", {"Content-Type": "application/json"})
BODY = b'{"model": "dummy", "messages": [{"role": "user", "content": "Hello"}]}'
AZURE = {
    "AISERVICE_API_BASE": "https://your.openai.azure.com/",
    "GPT4_ENDPOINT": "openai/deployments/gpt4/chat/completions?api-version=2023-05-15",
    "GPT35TURBO_ENDPOINT": "openai/deployments/gpt35turbo/chat/completions?api-version=2023-05-15",
}


def shipped(name, **more):
    """Return a file of the demo with the test's ports."""
    return json.loads((FOLDER / name).read_text("utf-8")) | more


@pytest.fixture
def dummy(run_service):
    """Start the dummy on a free port."""
    values = json.loads((FOLDER.parents[1] / "conf" / "dummy_config.json").read_text("utf-8"))
    process = run_service("services.dummy", values | {"port": free_port()})
    process.wait_for_log("listening for requests")
    return f"http://127.0.0.1:{json.loads((process.home.parent / 'dummy_config.json').read_text())['port']}"


@pytest.fixture
def gateway(tmp_path, nats_server, dummy):
    """Start gl with the demo's config. No host name is resolved, and `dud` refuses connections."""
    values = shipped("gl_config.json", gl_port=free_port(), gl_host="127.0.0.1")
    values["service_bus"]["hostname"] = nats_server.hostname
    values["routers"][-1]["outbound"]["url"] = "http://127.0.0.1:1"
    env = {"AISERVICE_API_BASE": dummy, "GPT4_ENDPOINT": "", "GPT35TURBO_ENDPOINT": ""}
    started = Gateway(tmp_path / "gl", nats_server, values, env)
    yield started.ready()
    started.close()


@pytest.fixture
def broker(tmp_path, nats_server):
    """Start the broker as the original is started: without arguments, configured by the environment."""
    running = []

    def start(*arguments):
        env = {"GECHOLOG_HOST": nats_server.hostname, "NATS_TOKEN": nats_server.token, "DISABLED_TIME": "10"}
        home = tmp_path / "broker"
        command = [sys.executable, "-m", "processors.broker", *arguments]
        running.append(ServiceProcess(command, alias="broker", home=home, env=environment_of(home, env)))
        return running[-1]

    yield start
    for process in running:
        process.close()


def test_demo(gateway, broker):
    """Every call succeeds, and `dud` is detected."""
    assert broker("--healthcheck").wait() == 1
    process = broker()
    process.wait_for_log("listening for messages")
    assert broker("--healthcheck").wait() == 0
    assert [gateway.call(*CALL, BODY).status for _ in range(30)] == [200] * 30
    assert process.wait_for_log("target failed, circuit breaker opened")["router"] == "/azure/dud/"
    assert process.messages().count("target failed, circuit breaker opened") == 1


def test_without_a_broker(gateway):
    """While the broker is down, calls go to the URL of their own router."""
    assert gateway.call(*CALL, BODY).status == 200


def test_azure():
    """With the variables of an Azure OpenAI resource, gl's config is valid, without a warning."""
    data = (FOLDER / "gl_config.json").read_bytes()
    assert not config.check(data, "gl_config.json", config_spec_of_gl(), AZURE | {"NATS_TOKEN": "abc"}).warnings


def test_entries_in_the_readme():
    """The README shows the entries of the demo's gl_config.json."""
    values = shipped("gl_config.json")
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL)]
    assert shown == [values[side]["processors"][0][0] for side in ("request", "response")]


def test_options_in_the_readme():
    """The README's table has every field of the schema, with its default."""

    def fields(node, path=""):
        for name, part in node.get("properties", {}).items():
            yield from fields(part, f"{path}{name}.")
            yield from fields(part.get("items", {}), f"{path}{name}[].")
            if "properties" not in part and "items" not in part:
                yield f"{path}{name}", part.get("default")

    for name, default in fields(config_spec().schema):
        row = next(line for line in README.splitlines() if line.startswith("|") and f"`{name}`" in line)
        if default not in (None, ""):
            cell = row.split("|")[2].strip().strip("`")
            assert cell == (default if isinstance(default, str) else json.dumps(default)), name
