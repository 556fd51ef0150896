"""What a config file may say of providers and models: every rule with its path."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import config as configs
from gecholog.errors import ConfigError
from services.gl.config import build, config_spec
from services.gl.models.rules import _cycle, _longest
from tests.services.gl.rig.gateway import config_of, router

PROVIDER = {"name": "first", "dialect": "openai", "url": "http://h/v1", "api_key": "a-key-of-a-test"}


def check(environ=None, **more):
    value = config_of("localhost:4222", [router("/a/", "https://target")], **more)
    return configs.check(
        json.dumps(value).encode(), "gl_config.json", config_spec(), {"NATS_TOKEN": "t"} | (environ or {})
    )


def rejected(**more):
    """Paths and rules of what is left out."""
    return {problem.path: problem.rule for one in check(**more).left_out for problem in one.problems}


def model(name, *targets, **more):
    return {"name": name, "targets": list(targets), **more}


def test_all_is_well():
    """Providers and models of every kind are in the config, without a warning."""
    parsed = check(
        providers=[
            PROVIDER,
            {"name": "azure", "dialect": "azure", "url": "http://a", "api_key": "k", "api_version": "2024-10-21"},
            {"name": "claude", "dialect": "anthropic", "api_key": "k"},
            {"name": "off", "dialect": "openai", "url": "http://h", "enabled": False},
            {"name": "dummy", "dialect": "dummy"},
        ],
        models=[
            model("m", "first/a", "off/b", "inner"),
            model("inner", "claude/x", strategy="weighted", weights=[1]),
            model("h", "first/a", strategy="heuristic", rules=[{"keywords": ["x"], "target": "first/a"}]),
            model("c", "m", strategy="classifier", classifier={"model": "first/judge", "timeout_ms": 250}),
            model("off", "first/a", enabled=False),
        ],
    )
    assert parsed.warnings == parsed.left_out == ()
    registry = build(parsed).models
    assert list(registry.providers) == ["first", "azure", "claude", "dummy"]
    assert list(registry.models) == ["m", "inner", "h", "c"]
    assert registry.models["m"].targets == ("first/a", "inner")
    assert registry.models["c"].classifier.timeout == 0.25
    assert registry.providers["claude"].url == "https://api.anthropic.com"
    assert "a-key-of-a-test" not in repr(registry)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": "Not Good"}, "name"),
        ({"dialect": "none"}, "dialect"),
        ({"profile": "none"}, "profile"),
        ({"url": "ftp://h"}, "url"),
        ({"url": "http://.h"}, "url"),
        ({"api_key": ""}, "api_key"),
        ({"breaker": {"ratio": 2}}, "breaker.ratio"),
        ({"headers": {"X": [""]}}, "headers.X[0]"),
        ({"dialect": "azure", "url": ""}, "url"),
    ],
)
def test_a_wrong_provider_is_left_out(change, path):
    """The others serve."""
    parsed = check(providers=[{**PROVIDER, "name": "other"}, {**PROVIDER, **change}])
    assert [problem.path for one in parsed.left_out for problem in one.problems] == [f"providers[1].{path}"]
    assert list(build(parsed).models.providers) == ["other"]


def test_a_header_may_hold_the_key():
    """Such as a token of Entra ID that is sent as `Authorization`."""
    entry = {
        "name": "azure",
        "dialect": "azure",
        "url": "https://x.example",
        "headers": {"authorization": ["Bearer t"]},
    }
    assert not check(providers=[entry]).left_out


@pytest.mark.parametrize("dialect", ["anthropic", "gemini", "openai"])
def test_a_key_is_needed(dialect):
    """Where nobody is served without one; what runs in one's own house may do without."""
    url = {"url": "https://api.openai.com/v1"} if dialect == "openai" else {}
    assert rejected(providers=[{"name": "p", "dialect": dialect, **url}]) == {"providers[0].api_key": "is missing"}
    assert rejected(providers=[{"name": "p", "dialect": "openai", "url": "http://localhost:8000/v1"}]) == {}


APPLICATION = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"dialect": "azure", "entra_id": {}}, None),
        ({"dialect": "azure", "entra_id": {"client_id": "c"}}, None),
        ({"dialect": "azure", "entra_id": APPLICATION}, None),
        ({"dialect": "azure", "entra_id": {"tenant_id": "t"}}, "needs tenant_id"),
        ({"dialect": "azure", "entra_id": {"client_id": "c", "client_secret": "s"}}, "needs tenant_id"),
        ({"dialect": "azure", "entra_id": APPLICATION, "api_key": "k"}, "beside api_key"),
        ({"dialect": "openai", "entra_id": APPLICATION, "api_key": "k"}, "only for the dialect azure"),
    ],
)
def test_entra_id(entry, problem):
    """In place of Azure's key: an application is named by three fields, a machine's identity by none or its id."""
    found = rejected(providers=[{"name": "p", "url": "http://a", **entry}])
    assert (problem or "") in found.pop("providers[0].entra_id", "")
    assert found == {}


VERTEX = {"dialect": "vertex", "project": "my-project"}


@pytest.mark.parametrize(
    ("entry", "path", "problem"),
    [
        (VERTEX, None, ""),
        (VERTEX | {"location": "europe-west4"}, None, ""),
        (VERTEX | {"location": ""}, None, ""),
        (VERTEX | {"location": "Europe!"}, "location", "location of Google Cloud"),
        (VERTEX | {"project": "my project"}, "project", "id of a Google Cloud project"),
        (VERTEX | {"url": "ftp://x"}, "url", "http or https address"),
        ({"dialect": "vertex"}, "project", "is missing"),
        ({"dialect": "vertex", "api_key": "k"}, None, ""),
        ({"dialect": "vertex", "api_key": "k", "credentials_file": __file__}, "api_key", "beside credentials_file"),
        (VERTEX | {"dialect": "gemini", "api_key": "k"}, "project", "only for the dialect vertex"),
        (VERTEX | {"credentials_file": "/nonexistent/key.json"}, "credentials_file", "No such file"),
        (VERTEX | {"credentials_file": "/"}, "credentials_file", "is a directory"),
        (VERTEX | {"credentials_file": __file__}, "credentials_file", "must be a JSON file with credentials of Google"),
    ],
)
def test_vertex(entry, path, problem):
    """A project, and a file that can be read, if there is one. This is found out when the config is checked."""
    found = rejected(providers=[{"name": "p", **entry}])
    if path is None:
        assert found == {}
    else:
        assert problem in found[f"providers[0].{path}"]


@pytest.mark.parametrize(
    ("text", "is_right"), [('{"type": "service_account"}', True), ('{"x": 1}', False), ("[]", False)]
)
def test_a_file_with_credentials_of_google(tmp_path, text, is_right):
    """It says what type of credentials it has."""
    file = tmp_path / "key.json"
    file.write_text(text)
    found = rejected(providers=[{"name": "p", **VERTEX, "credentials_file": str(file)}])
    assert list(found) == ([] if is_right else ["providers[0].credentials_file"])


@pytest.mark.parametrize(
    ("entry", "path", "words"),
    [
        (model("m"), "targets", "at least one"),
        (model("m", "first/a", strategy="none"), "strategy", "fallback"),
        (model("m", "fist/a"), "targets[0]", "did you mean first?"),
        (model("m", "other"), "targets[0]", "provider/model"),
        (model("m", "goods"), "targets[0]", "did you mean good?"),
        (model("m", "first/a", "first/b", weights=[1]), "weights", "one number for each"),
        (model("m", "first/a", weights=[0]), "weights", "not all be 0"),
        (model("m", "first/a", strategy="weighted"), "weights", "missing"),
        (model("m", "first/a", strategy="classifier"), "classifier", "missing"),
        (model("m", "first/a", classifier={"model": "x/y"}), "classifier.model", "not configured"),
        (model("m", "first/a", rules=[{"keywords": ["x"], "target": "first/b"}]), "rules[0].target", "first/b"),
    ],
)
def test_a_wrong_model_is_left_out(entry, path, words):
    """The message says what would be right."""
    parsed = check(providers=[PROVIDER], models=[model("good", "first/a"), entry])
    (one,) = parsed.left_out
    (problem,) = one.problems
    assert problem.path == f"models[1].{path}"
    assert words in problem.rule
    assert list(build(parsed).models.models) == ["good"]


def test_the_same_name_twice():
    """Neither counts: nobody can tell which one is meant."""
    parsed = check(providers=[PROVIDER, PROVIDER], models=[model("m", "first/a")] * 2)
    assert {problem.path for one in parsed.left_out for problem in one.problems} == {
        f"{field}[{index}].name" for field in ("models", "providers") for index in (0, 1)
    }


def refused(**more):
    with pytest.raises(ConfigError) as caught:
        check(providers=[PROVIDER], **more)
    return str(caught.value)


def test_a_group_in_itself():
    """The file is refused, and the way round is told."""
    ring = [model("a", "b", "first/x"), model("b", "first/x", "c"), model("c", "a")]
    assert "a → b → c → a" in refused(models=ring)
    assert "own → own" in refused(models=[model("own", "own")])


def test_groups_too_deep():
    """Ten models on the way to a provider are fine."""
    chain = [model(f"m{number}", f"m{number + 1}") for number in range(9)] + [model("m9", "first/x")]
    assert check(providers=[PROVIDER], models=chain).warnings == ()
    assert "m0 → m1" in refused(models=[*chain[:-1], model("m9", "m10"), model("m10", "first/x")])


groups = st.dictionaries(st.sampled_from("abcdefg"), st.lists(st.sampled_from("abcdefg"), max_size=3), max_size=7)


@given(groups)
def test_cycles_are_found(listed):
    """What is told is a cycle; where none is told there is an order in which every group comes before its targets."""
    cycle = _cycle(listed)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(below in listed[above] for above, below in pairwise(cycle))
    else:
        left = dict(listed)
        while ends := [name for name, below in left.items() if not set(below) & left.keys()]:
            for name in ends:
                del left[name]
        assert not left
        longest = _longest(listed)
        assert all(below in listed[above] for above, below in pairwise(longest))


def test_deep_nesting_is_no_recursion():
    """A file with many groups is refused in good order, however they are nested."""
    chain = {f"m{number}": [f"m{number + 1}"] for number in range(3000)}
    assert _cycle(chain) == []
    assert len(_cycle({**chain, "m2999": ["m0"]})) == 3001


def test_variables_that_are_not_set():
    """A provider without its variables is left out without a warning, and so is what only it serves."""
    providers = [
        PROVIDER,
        {"name": "absent", "dialect": "openai", "url": "${NO_URL}", "api_key": "${NO_KEY}"},
        {"name": "usual", "dialect": "openai", "profile": "openai", "url": "${NO_URL}", "api_key": "${KEY}"},
        {"name": "either", "dialect": "gemini", "api_key": "${KEY_A|KEY_B}"},
        {"name": "empty", "dialect": "gemini", "api_key": "${EMPTY}"},
    ]
    models = [model("half", "absent/a", "first/a"), model("gone", "absent/a")]
    parsed = check({"KEY": "k-1", "KEY_B": "k-2", "EMPTY": ""}, providers=providers, models=models)
    assert parsed.warnings == parsed.left_out == ()
    assert [one.entry.name for one in parsed.not_set] == ["absent", "empty"]
    registry = build(parsed).models
    assert (registry.providers["usual"].url, registry.providers["usual"].api_key) == (
        "https://api.openai.com/v1",
        "k-1",
    )
    assert registry.providers["either"].api_key == "k-2"
    assert list(registry.models) == ["half"]


def test_a_provider_in_force_is_not_lost_on_a_reload():
    """Neither to a wrong value nor to a variable that is not set; deleting it is fine."""
    in_force = check(providers=[PROVIDER]).in_force
    configs.refuse_losses(check(), in_force)
    for change in ({"url": "nonsense"}, {"api_key": "${NO_KEY}"}):
        with pytest.raises(ConfigError):
            configs.refuse_losses(check(providers=[PROVIDER | change]), in_force)
