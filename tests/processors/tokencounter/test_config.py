"""The config file: what is refused, what is left out, and its parsed form."""

import json
import re
from pathlib import Path

import pytest

from gecholog.bus import BusAddress
from gecholog.config import check, refuse_losses
from gecholog.errors import ConfigError
from processors.tokencounter.config import build, config_spec
from processors.tokencounter.usage import CapRefusal, UsagePattern

ROOT = Path(__file__).parents[3]
CONF = ROOT / "conf" / "tokencounter_config.json"
CONFIG_SPEC = config_spec()


def values():
    return {
        "version": "1.0.1",
        "log_level": "INFO",
        "service_bus": {"hostname": "localhost:4222", "topic": "coburn.gl.tokencounter", "token": "$TOKEN"},
        "cap_period_seconds": 600,
        "token_caps": [{"router": "/capped/", "fields": [{"field": "n", "value": 100}, {"field": "m"}]}],
        "usage_fields": [{"router": "default", "patterns": [{"field": "n", "pattern": "inbound_payload.a\\.b.0"}]}],
    }


def parsed(content):
    return check(json.dumps(content).encode(), "test", CONFIG_SPEC, {"TOKEN": "abc", "NATS_TOKEN": "abc"})


def cap(router="/more/", **field):
    return {"router": router, "fields": [{"field": "n", "value": 1} | field]}


def usage(router="/more/", **pattern):
    return {"router": router, "patterns": [{"field": "n", "pattern": "a"} | pattern]}


def summed(*paths):
    return {"router": "/more/", "patterns": [{"field": "n", "sum": list(paths)}]}


def test_built():
    """A valid file becomes caps and patterns, by router. A cap without a value is no cap."""
    config = build(parsed(values()))
    assert config.bus == BusAddress.of("localhost:4222", "abc")
    assert config.topic == "coburn.gl.tokencounter"
    assert config.period == 600
    assert config.caps == {"/capped/": {"n": 100, "m": 0}}
    assert config.rules.patterns["default"] == (UsagePattern("n", (("inbound_payload", "a.b", "0"),)),)
    assert config.rules.closed == {}
    assert not config.sliding
    assert config.rules.refusal == CapRefusal(200)


def test_options():
    """Window and refusal are as configured."""
    config = build(parsed(values() | {"cap_window": "sliding", "cap_status_code": 429, "cap_no_retry": False}))
    assert config.sliding
    assert config.rules.refusal == CapRefusal(429, no_retry=False)


def test_the_default_file():
    """The shipped file is valid, without a warning."""
    found = check(CONF.read_bytes(), "default", CONFIG_SPEC, {"NATS_TOKEN": "abc"})
    assert not found.warnings
    assert build(found).caps["/service/capped/"]["total_tokens"] == 100


@pytest.mark.parametrize(
    ("field", "entry", "path"),
    [
        ("token_caps", cap("more"), "token_caps[1].router"),
        ("token_caps", cap(field="a-b"), "token_caps[1].fields[0].field"),
        ("token_caps", cap(value=-1), "token_caps[1].fields[0].value"),
        ("token_caps", {"router": "/more/", "fields": []}, "token_caps[1].fields"),
        ("token_caps", {"router": "/more/"}, "token_caps[1].fields"),
        (
            "token_caps",
            {"router": "/more/", "fields": [{"field": "a"}, {"field": "a"}]},
            "token_caps[1].fields[1].field",
        ),
        ("usage_fields", usage("more/"), "usage_fields[1].router"),
        ("usage_fields", usage("Default"), "usage_fields[1].router"),
        ("usage_fields", usage(pattern=""), "usage_fields[1].patterns[0].pattern"),
        ("usage_fields", usage(pattern="ü"), "usage_fields[1].patterns[0].pattern"),
        ("usage_fields", usage(pattern="a.#(n>1).b"), "usage_fields[1].patterns[0].pattern"),
        ("usage_fields", {"router": "/more/", "patterns": [{"field": "n"}]}, "usage_fields[1].patterns[0].pattern"),
        ("usage_fields", usage(sum=["a"]), "usage_fields[1].patterns[0].sum"),
        ("usage_fields", summed(), "usage_fields[1].patterns[0].sum"),
        ("usage_fields", summed("a", ""), "usage_fields[1].patterns[0].sum[1]"),
        ("usage_fields", summed("a", "b*"), "usage_fields[1].patterns[0].sum[1]"),
    ],
)
def test_left_out(field, entry, path):
    """Only the wrong entry is left out, with a warning that has its path."""
    content = values()
    content[field].append(entry)
    found = parsed(content)
    assert path in [warning.path for warning in found.warnings]
    assert all(warning.path.startswith(path.partition(".")[0]) for warning in found.warnings)
    assert found.values[field] == content[field][:1]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"cap_period_seconds": 0}, "cap_period_seconds"),
        ({"cap_period_seconds": "60"}, "cap_period_seconds"),
        ({"cap_window": "rolling"}, "cap_window"),
        ({"cap_status_code": 199}, "cap_status_code"),
        ({"cap_status_code": 600}, "cap_status_code"),
        ({"cap_no_retry": "yes"}, "cap_no_retry"),
        ({"usage_fields": []}, "usage_fields"),
        ({"usage_fields": [usage("none")]}, "usage_fields"),
        ({"usage_fields": [usage(), usage()]}, "usage_fields[1].router"),
        ({"token_caps": [cap(), cap(field="other")]}, "token_caps[0].router"),
        ({"token_caps": [cap(value="1")]}, "token_caps[0].fields[0].value"),
        ({"service_bus": {"hostname": "localhost:4222", "topic": "a b", "token": "x"}}, "service_bus.topic"),
    ],
)
def test_refused(change, path):
    """Problems that make the whole file unusable are named by path."""
    with pytest.raises(ConfigError) as caught:
        parsed(values() | change)
    assert path in [problem.path for problem in caught.value.problems]


def test_patterns_of_one_field():
    """A list has alternatives in order, and each may be a sum."""
    content = values()
    content["usage_fields"][0]["patterns"] += [{"field": "n", "pattern": "b"}, {"field": "n", "sum": ["c", "d"]}]
    found = parsed(content)
    assert not found.warnings
    assert [pattern.paths for pattern in build(found).rules.patterns["default"][1:]] == [(("b",),), (("c",), ("d",))]


WRONG = {"field": "n", "pattern": ""}
CAPPED = [cap("/a/"), cap("/b/"), cap("/open/", value=0)]
DEFAULT = {"router": "default", "patterns": [{"field": "n", "pattern": "a"}]}


@pytest.mark.parametrize(
    ("caps", "usage_fields", "closed"),
    [
        # a cap closes its router, also by a name that lacks a slash, or beside a good one
        ([cap("/a/", value=-1), cap("/b/")], [DEFAULT], {"/a/": "token_caps[0].fields[0].value"}),
        ([cap("/b/"), {"router": "/a/", "fields": []}], [DEFAULT], {"/a/": "token_caps[1].fields"}),
        ([cap("/b/"), {"router": "/a/"}], [DEFAULT], {"/a/": "token_caps[1].fields"}),
        ([cap("/b/"), cap("/a/", field="a b")], [DEFAULT], {"/a/": "token_caps[1].fields[0].field"}),
        ([cap("a")], [DEFAULT], {"/a/": "token_caps[0].router"}),
        ([cap("/a")], [DEFAULT], {"/a/": "token_caps[0].router"}),
        ([cap(" /a/ ")], [DEFAULT], {"/a/": "token_caps[0].router"}),
        ([cap("/a/"), cap("/a/", value=-1)], [DEFAULT], {"/a/": "token_caps[1].fields[0].value"}),
        (
            [{"router": "/a/", "fields": [{"field": "n", "vaule": 1}]}],
            [DEFAULT],
            {"/a/": "token_caps[0].fields[0].value"},
        ),
        ([cap("/a/", unknown=1)], [DEFAULT], {}),
        ([{"router": "/a/", "fields": [{"field": "n"}]}], [DEFAULT], {}),
        ([cap("a b")], [DEFAULT], {}),
        ([{"fields": [{"field": "n", "value": 1}]}], [DEFAULT], {}),
        # a usage entry closes its router if that has a cap
        (CAPPED, [DEFAULT, usage("/a/", pattern="")], {"/a/": "usage_fields[1].patterns[0].pattern"}),
        (CAPPED, [DEFAULT, {"router": "/a/", "patterns": []}], {"/a/": "usage_fields[1].patterns"}),
        (CAPPED, [DEFAULT, usage("/a")], {"/a/": "usage_fields[1].router"}),
        (CAPPED, [DEFAULT, usage("/open/", pattern="")], {}),
        (CAPPED, [DEFAULT, usage("/c/", pattern="")], {}),
        (CAPPED, [DEFAULT, usage("/a/"), usage("/a/", pattern="")], {}),
        # the default closes those with a cap that have no entry of their own
        (CAPPED, [usage("default", pattern="*"), usage("/a/")], {"/b/": "usage_fields[0].patterns[0].pattern"}),
        (CAPPED, [usage("Default"), usage("/a/")], {"/b/": "usage_fields[0].router"}),
        (CAPPED, [DEFAULT, usage("Default")], {}),
        # it may have been meant for any of them
        (
            CAPPED,
            [DEFAULT, usage("/a/"), {"patterns": [{"field": "n", "pattern": "a"}]}],
            {"/b/": "usage_fields[2].router"},
        ),
    ],
)
def test_closed(caps, usage_fields, closed):
    """No mistake in an entry removes a cap: calls of routers whose cap cannot be enforced are refused."""
    found = parsed(values() | {"token_caps": caps, "usage_fields": usage_fields})
    assert build(found).rules.closed == closed
    assert found.in_force.closed == closed.keys()
    consequences = {problem.consequence for problem in found.warnings if problem.path in closed.values()}
    assert all(f"calls of {router} are refused (503)" in str(consequences) for router in closed)


def test_closed_by_a_name_from_the_environment():
    """The warning names the router by its variable."""
    found = parsed(values() | {"token_caps": [cap("/x${TOKEN}/", value=-1)]})
    assert build(found).rules.closed == {"/xabc/": "token_caps[0].fields[0].value"}
    assert "abc" not in str([str(warning) for warning in found.warnings])


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"token_caps": [cap("/a/", value=-1), cap("/b/")]}, "cap of router /a/ is in force now and would be lost"),
        ({"token_caps": [cap("/b/")]}, None),
        ({"token_caps": [*CAPPED, cap("/new/", value=-1)]}, None),
        ({"usage_fields": [DEFAULT, usage("/c/", pattern="")]}, "usage entry /c/ is in force now and would be lost"),
        (
            {"usage_fields": [DEFAULT, usage("/c/"), usage("/a/", pattern="")]},
            "calls of /a/, which are served now, would be refused",
        ),
        ({"usage_fields": [DEFAULT]}, None),
    ],
)
def test_reloads(change, lost):
    """A reload loses no cap and closes no serving router. Entries may be deleted, and new ones may be wrong."""
    before = values() | {"token_caps": CAPPED, "usage_fields": [DEFAULT, usage("/c/")]}
    found = parsed(before | change)
    if lost is None:
        refuse_losses(found, parsed(before).in_force)
        return
    with pytest.raises(ConfigError) as caught:
        refuse_losses(found, parsed(before).in_force)
    assert {problem.consequence for problem in caught.value.problems} == {lost}


def test_rejected_entries_are_no_doubles():
    """An entry that is left out does not prevent a valid one of the same router."""
    found = parsed(values() | {"token_caps": [{"router": "/more/", "fields": []}, cap()]})
    assert found.values["token_caps"] == [cap()]


def test_caps_may_be_missing():
    """Without caps everything is counted and nothing refused."""
    content = values()
    del content["token_caps"]
    assert build(parsed(content)).caps == {}


def test_entries_in_the_readme():
    """The README shows the entries of the default gl_config.json."""
    readme = (ROOT / "processors" / "tokencounter" / "README.md").read_text("utf-8")
    default = json.loads((ROOT / "conf" / "gl_config.json").read_text("utf-8"))
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", readme, re.DOTALL)]
    assert shown == [default[side]["processors"][0][0] for side in ("request", "response")]
