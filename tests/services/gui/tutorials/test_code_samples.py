"""The code for a router: what it needs, and that it runs."""

import ast
import os
import shutil
import subprocess
import sys

import pytest

from services.gui.tutorials.call_target import call_target
from services.gui.tutorials.code_samples import code_samples
from tests.support.dummy import Dummy
from tests.support.waiting import DEADLINE

ADDRESS = "http://gateway:5380"
RUN = {"curl": ["sh"], "node": ["node"]}
KEY = "key-of-the-tests"


def router(path="/mine/", url="https://api.example", headers=None, **outbound):
    return {"path": path, "ingress": {"headers": headers or {}}, "outbound": {"url": url} | outbound}


def texts(entry, **more):
    return {sample.name: sample.text for sample in code_samples(call_target(entry, ADDRESS, **more))}


def run(sample, folder, **variables):
    """Run a program as a user would: from a file."""
    file = folder / sample.file
    file.write_text(sample.text, "utf-8")
    command = RUN.get(sample.name, [sys.executable])
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)} | variables
    done = subprocess.run([*command, file], env=environ, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dummy(tmp_path_factory):
    made = Dummy(tmp_path_factory.mktemp("dummy") / "home", {})
    made.process.wait_for_log("http server initialized")
    yield made
    made.process.close()


@pytest.mark.parametrize("name", ["curl", "openai", "anthropic", "requests", "node"])
def test_it_runs(dummy, tmp_path, name):
    """Each program gets an answer of a real API."""
    if name in RUN and not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    target = call_target(router("/", "http://127.0.0.1:5390"), f"http://127.0.0.1:{dummy.port}")
    (sample,) = [one for one in code_samples(target) if one.name == name]
    answer = run(sample, tmp_path, MY_API_KEY=KEY)
    assert answer.strip()
    if name not in {"openai", "anthropic"}:
        assert '"choices"' in answer


def test_endpoint_of_its_own(dummy, tmp_path):
    """A router with a fixed endpoint is called at its path; packages that add an endpoint are not offered."""
    entry = router("/v1/chat/completions", "http://127.0.0.1:5390", headers={"X-Team": ["regex:.+"]}, endpoint="x")
    samples = code_samples(call_target(entry, f"http://127.0.0.1:{dummy.port}"))
    assert [one.name for one in samples] == ["curl", "requests", "node"]
    for sample in samples[:2]:
        assert '"choices"' in run(sample, tmp_path, MY_X_TEAM="a", MY_API_KEY=KEY)


@pytest.mark.parametrize(
    ("headers", "variables", "asks"),
    [
        ({}, {"MY_API_KEY"}, True),
        ({"X-Team": ["regex:.+"]}, {"MY_X_TEAM", "MY_API_KEY"}, True),
        ({"Api-Key": ["${GECHOLOG_API_KEY}"]}, {"GECHOLOG_API_KEY"}, False),
        ({"authorization": ["Bearer ${MINE}"]}, {"MINE"}, False),
        ({"Api-Key": ["a literal key"]}, {"MY_API_KEY"}, False),
        ({'X-"quoted\\': ["a", "b"]}, {"MY_X_QUOTED", "MY_API_KEY"}, True),
    ],
)
def test_keys(headers, variables, asks):
    """Values come from variables, never from the config; MY_API_KEY is explained if the router asks for no key."""
    target = call_target(router(headers=headers), ADDRESS)
    assert {header.variable for header in target.headers} == variables
    assert bool(target.about_key) is asks
    for name, text in texts(router(headers=headers)).items():
        assert "a literal key" not in text
        assert all(variable in text for variable in variables), name
        if name in {"openai", "anthropic", "requests"}:
            ast.parse(text)


def test_which_key():
    """A router that checks client keys takes one of ours, any other that of the API."""
    checked = router() | {"ingress": {"keys": "required"}}
    assert call_target(checked, ADDRESS).about_key == "a client key of the gateway"
    assert call_target(router(models=["*"]), ADDRESS).about_key == "a client key of the gateway"
    assert call_target(router(), ADDRESS).about_key == "the key of the LLM API"


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        (router("/v1/", "", models=["*"]), {"curl", "openai", "anthropic", "requests", "node"}),
        (router(url="https://api.anthropic.com"), {"curl", "anthropic", "requests", "node"}),
        (router(url="https://api.example"), {"curl", "openai", "requests", "node"}),
    ],
)
def test_apis(entry, names):
    assert texts(entry).keys() == names


def test_anthropic_has_its_headers():
    text = texts(router(url="https://api.anthropic.com"))
    assert "x-api-key: $MY_API_KEY" in text["curl"]
    assert "anthropic-version: 2023-06-01" in text["curl"]
    assert "http://gateway:5380/mine/v1/messages" in text["requests"]


def test_addresses():
    """The version of the API is in the address once."""
    assert call_target(router("/v1/", "", models=["*"]), ADDRESS).base == "http://gateway:5380/v1"
    assert call_target(router("/v1/", "", models=["*"]), ADDRESS).unversioned == "http://gateway:5380"
    assert call_target(router("/a/"), ADDRESS + "/").base == "http://gateway:5380/a/v1"


@pytest.mark.parametrize(
    "entry", [{}, {"path": 1, "ingress": [], "outbound": None}, {"ingress": {"headers": {"a": 1}}}]
)
def test_entries_that_are_not_finished(entry):
    """A draft may have anything."""
    assert texts(entry)


def test_hostile_values(tmp_path):
    """A path and a model with signs of shells and languages stay text."""
    nasty = "/'\"$(touch x)`touch x`\\/"
    for sample in code_samples(call_target(router(nasty), "http://127.0.0.1:1", model=nasty)):
        if sample.name in {"openai", "requests"}:
            assert nasty in [node.value for node in ast.walk(ast.parse(sample.text)) if isinstance(node, ast.Constant)]
        if sample.name == "curl":
            subprocess.run(["sh", "-c", sample.text], cwd=tmp_path, capture_output=True, check=False)
    assert list(tmp_path.iterdir()) == []
