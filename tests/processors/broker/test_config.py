"""The broker's config: its parsed form, and its problems."""

import json
from pathlib import Path

import pytest

from gecholog.config import check
from gecholog.errors import ConfigError
from processors.broker.config import build, config_spec
from processors.broker.groups import WhenAllOpen
from processors.broker.health import BreakerPolicy
from processors.broker.strategies import STRATEGIES, Target
from tests.processors.broker.rig import REFUSAL

FOLDER = Path(__file__).parents[3] / "processors" / "broker"
CONFIG_SPEC = config_spec()
TARGETS = [{"router": "/azure/gpt4/"}, {"router": "/azure/dud/"}]
TOKEN = {"NATS_TOKEN": "abcdefgh"}


def group(**more):
    return {"router": "/azure/", "targets": TARGETS} | more


def values(**more):
    return {
        "version": "1.1.0",
        "log_level": "INFO",
        "service_bus": {"hostname": "localhost:4222", "topic": "coburn.gl.broker", "token": "secret-token"},
        "groups": [group()],
    } | more


def parsed(content, environ=None):
    return check(json.dumps(content).encode(), "broker_config.json", CONFIG_SPEC, environ or {})


def built(**more):
    return build(parsed(values(**more)))


def shipped(**environ):
    found = check((FOLDER / "broker_config.json").read_bytes(), "shipped", CONFIG_SPEC, TOKEN | environ)
    assert not found.warnings
    return build(found)


def test_the_file_that_ships():
    """The original's file is valid, and has the same effect."""
    config = shipped()
    assert config.location.bus.hostname == "localhost:4222"
    assert config.location.topic == "coburn.gl.broker"
    assert config.policy == BreakerPolicy(open_s=600)
    [azure] = config.groups
    assert azure.router == "/azure/"
    assert azure.paths == ["/azure/gpt35turbo/", "/azure/gpt4/", "/azure/dud/"]
    assert azure.strategy is STRATEGIES["random"]
    assert azure.failover


@pytest.mark.parametrize(
    ("minutes", "seconds"), [("10", 600), ("0.5", 30), ("0", 0), ("", 600), ("1440", 86400), ("5.", None)]
)
def test_disabled_time(minutes, seconds):
    """The original's variable has precedence. Empty counts as not set, and an invalid number is refused by name."""
    if seconds is not None:
        assert shipped(DISABLED_TIME=minutes).policy.open_s == seconds
        return
    with pytest.raises(ConfigError, match=r"disabled_minutes.*DISABLED_TIME"):
        shipped(DISABLED_TIME=minutes)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("", "localhost:4222"),
        ("gecholog", "gecholog:4222"),
        ("gecholog:14222", "gecholog:14222"),
        (":14222", "localhost:14222"),
        ("my_gecholog-1", "my_gecholog-1:4222"),
        ("10.0.0.7", "10.0.0.7:4222"),
        ("[::1]", "[::1]:4222"),
        ("[::1]:14222", "[::1]:14222"),
    ],
)
def test_host(host, address):
    """The original's variable has precedence, with or without a port."""
    assert shipped(GECHOLOG_HOST=host).location.bus.hostname == address


def test_options():
    """All fields of a config are read."""
    more = {
        "disabled_minutes": 2.5,
        "failures_to_disable": 3,
        "any_status_but_200": True,
        "longest_retry_after_seconds": 90,
        "probe_seconds": 7,
        "shared_state": {"bucket": "mine"},
        "groups": [
            group(
                strategy="weighted",
                failover=False,
                when_all_out="least_bad",
                refusal={"status_code": 529, "body": {"type": "overloaded"}},
                targets=[{"router": "/azure/gpt4/", "weight": 3}, {"router": "/azure/dud/", "weight": 0}],
            )
        ],
    }
    config = built(**more)
    assert config.policy == BreakerPolicy(open_s=150, max_retry_after_s=90, probe_timeout_s=7, failure_threshold=3)
    assert config.any_status_but_200
    assert config.location.bucket == "mine"
    [azure] = config.groups
    assert azure.targets == (Target("/azure/gpt4/", 3), Target("/azure/dud/", 0))
    assert azure.strategy is STRATEGIES["weighted"]
    assert azure.when_all_open is WhenAllOpen.PANIC
    assert not azure.failover
    assert (azure.unavailable.status_code, bytes(azure.unavailable.body)) == (529, b'{"type":"overloaded"}')


def test_defaults():
    """Absent fields have defaults."""
    config = built()
    assert config.policy == BreakerPolicy()
    assert not config.any_status_but_200
    assert config.location.bucket == "gecholog_broker"
    [azure] = config.groups
    assert (azure.failover, azure.when_all_open, azure.unavailable.status_code) == (True, WhenAllOpen.REFUSE, 503)
    assert json.loads(azure.unavailable.body) == REFUSAL


def test_sharing_is_off():
    """Without replication there is no bucket."""
    assert built(shared_state={"enabled": False, "bucket": "mine"}).location.bucket == ""


@pytest.mark.parametrize(
    ("change", "path", "rule"),
    [
        ({"groups": []}, "groups", "must not be empty"),
        ({"groups": [group(strategy="best")]}, "groups[0].strategy", 'must be one of "random", "weighted"'),
        ({"groups": [group(targets=[])]}, "groups[0].targets", "must not be empty"),
        ({"groups": [{"router": "/a/"}]}, "groups[0].targets", "is missing"),
        ({"groups": [{"targets": TARGETS}]}, "groups[0].router", "is missing"),
        ({"groups": [group(targets=[{}])]}, "groups[0].targets[0].router", "is missing"),
        ({"groups": [group(router="azure")]}, "groups[0].router", "must begin and end with /"),
        ({"groups": [group(targets=[*TARGETS, TARGETS[0]])]}, "groups[0].targets[2].router", "a target of this group"),
        ({"groups": [group(targets=[{"router": "/azure/"}])]}, "groups[0].targets[0].router", "of its own group"),
        ({"groups": [group(), group()]}, "groups[1].router", "is already the router of another group"),
        ({"groups": [group(when_all_out="wait")]}, "groups[0].when_all_out", "must be one of"),
        ({"groups": [group(refusal={"status_code": 99})]}, "groups[0].refusal.status_code", "must be at least 200"),
        ({"groups": [group(targets=[{"router": "/b/", "weight": -1}])]}, "groups[0].targets[0].weight", "at least 0"),
        (
            {"groups": [group(strategy="weighted", targets=[{"router": "/b/", "weight": 0}])]},
            "groups[0].targets",
            "must have a target with a weight above 0",
        ),
        ({"disabled_minutes": -1}, "disabled_minutes", "must be a number of minutes"),
        ({"disabled_minutes": "ten"}, "disabled_minutes", "must be a number of minutes"),
        ({"disabled_minutes": True}, "disabled_minutes", "must be a number or a string"),
        ({"failures_to_disable": 0}, "failures_to_disable", "must be at least 1"),
        ({"probe_seconds": 0}, "probe_seconds", "must be at least 1"),
        ({"longest_retry_after_seconds": 0}, "longest_retry_after_seconds", "must be at least 1"),
        ({"shared_state": {"bucket": "a b"}}, "shared_state.bucket", "must be letters, digits"),
        ({"service_bus": {"topic": "a b", "token": "x"}}, "service_bus.topic", "must be a subject"),
        ({"service_bus": {"topic": "a", "token": "x", "hostname": "a:0"}}, "service_bus.hostname", "must be host"),
        ({"service_bus": {"topic": "a"}}, "service_bus.token", "is missing"),
    ],
)
def test_refused(change, path, rule):
    """Problems are named by path and rule."""
    with pytest.raises(ConfigError) as caught:
        parsed(values(**change))
    assert [(problem.path, rule in problem.rule) for problem in caught.value.problems] == [(path, True)]
    assert "secret-token" not in str(caught.value)


def test_weight_without_effect():
    """A weight without effect causes a warning."""
    found = parsed(values(groups=[group(targets=[{"router": "/b/", "weight": 2}])]))
    assert [warning.path for warning in found.warnings] == ["groups[0].targets[0].weight"]


def test_every_field_is_described():
    """Every field of the schema has a title and a description."""

    def described(node, path=""):
        for name, part in node.get("properties", {}).items():
            assert part.get("title"), f"{path}.{name}"
            assert part.get("description"), f"{path}.{name}"
            described(part, f"{path}.{name}")
            described(part.get("items", {}), f"{path}.{name}[]")

    described(CONFIG_SPEC.schema)


def test_routers_that_gl_does_not_have(tmp_path):
    """A group or target of a router that is not in gl_config.json in the same folder causes a warning."""
    data = json.dumps(values(groups=[group(), group(router="/other/", targets=[{"router": "/none/"}])])).encode()
    routers = [{"path": path} for path in ("/azure/", "/azure/gpt4/", "/azure/dud/", "/other/")]
    assert not check(data, "test", CONFIG_SPEC, {}, tmp_path).warnings
    (tmp_path / "gl_config.json").write_text(json.dumps({"routers": routers}))
    [warning] = check(data, "test", CONFIG_SPEC, {}, tmp_path).warnings
    assert warning.path == "groups[1].targets[0].router"


def test_the_files_that_ship_go_together():
    """All routers of the demo's groups are in the demo's gl_config.json."""
    assert not check((FOLDER / "broker_config.json").read_bytes(), "shipped", CONFIG_SPEC, TOKEN, FOLDER).warnings
