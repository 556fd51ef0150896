"""The config file: what is refused, what is left out, what it becomes."""

import json
import re
from pathlib import Path

import pytest

from gecholog.bus import BusAddress
from gecholog.config import check
from gecholog.errors import ConfigError
from processors.tokencounter.config import blueprint, build
from processors.tokencounter.usage import Refusal

ROOT = Path(__file__).parents[3]
CONF = ROOT / "conf" / "tokencounter_config.json"
BLUEPRINT = blueprint()


def values():
    return {
        "version": "1.0.1",
        "log_level": "INFO",
        "service_bus": {"hostname": "localhost:4222", "topic": "coburn.gl.tokencounter", "token": "$TOKEN"},
        "cap_period_seconds": 600,
        "token_caps": [{"router": "/capped/", "fields": [{"field": "total_tokens", "value": 100}, {"field": "n"}]}],
        "usage_fields": [{"router": "default", "patterns": [{"field": "n", "pattern": "inbound_payload.a\\.b.0"}]}],
    }


def document(content):
    return check(json.dumps(content).encode(), "test", BLUEPRINT, {"TOKEN": "abc", "NATS_TOKEN": "abc"})


def cap(router="/more/", **field):
    return {"router": router, "fields": [{"field": "n", "value": 1} | field]}


def usage(router="/more/", **pattern):
    return {"router": router, "patterns": [{"field": "n", "pattern": "a"} | pattern]}


def test_built():
    """A good file becomes caps and patterns, by router; a cap without a value is none."""
    config = build(document(values()))
    assert config.bus == BusAddress("localhost:4222", "abc")
    assert config.topic == "coburn.gl.tokencounter"
    assert config.period == 600
    assert config.caps == {"/capped/": {"total_tokens": 100, "n": 0}}
    assert [(entry.field, entry.path) for entry in config.rules.patterns["default"]] == [
        ("n", ("inbound_payload", "a.b", "0"))
    ]
    assert not config.sliding
    assert config.rules.refusal == Refusal(200)


def test_options():
    """Window and refusal as the file wants them."""
    config = build(document(values() | {"cap_window": "sliding", "cap_status_code": 429, "cap_no_retry": False}))
    assert config.sliding
    assert config.rules.refusal == Refusal(429, no_retry=False)


def test_the_default_file():
    """The file that ships is valid, without a warning."""
    found = check(CONF.read_bytes(), "default", BLUEPRINT, {"NATS_TOKEN": "abc"})
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
        ("token_caps", {"router": "/more/", "fields": [{"field": "a"}, {"field": "a"}]}, "token_caps[1].fields"),
        ("usage_fields", usage("more/"), "usage_fields[1].router"),
        ("usage_fields", usage("Default"), "usage_fields[1].router"),
        ("usage_fields", usage(pattern=""), "usage_fields[1].patterns[0].pattern"),
        ("usage_fields", usage(pattern="ü"), "usage_fields[1].patterns[0].pattern"),
        ("usage_fields", usage(pattern="a.#(n>1).b"), "usage_fields[1].patterns[0].pattern"),
        ("usage_fields", {"router": "/more/", "patterns": [{"field": "n"}]}, "usage_fields[1].patterns[0].pattern"),
    ],
)
def test_left_out(field, entry, path):
    """A wrong entry is left out alone, with a warning that names its place."""
    content = values()
    content[field].append(entry)
    found = document(content)
    assert [warning.path for warning in found.warnings] == [path]
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
        ({"usage_fields": [usage(), usage()]}, "usage_fields"),
        ({"token_caps": [cap(), cap(field="other")]}, "token_caps"),
        ({"token_caps": [cap(value="1")]}, "token_caps[0].fields[0].value"),
        ({"service_bus": {"hostname": "localhost:4222", "topic": "a b", "token": "x"}}, "service_bus.topic"),
    ],
)
def test_refused(change, path):
    """What makes the whole file unusable is named by its place."""
    with pytest.raises(ConfigError) as caught:
        document(values() | change)
    assert path in [problem.path for problem in caught.value.problems]


def test_rejected_entries_are_no_doubles():
    """An entry that is left out does not stand in the way of a good one of the same router."""
    found = document(values() | {"token_caps": [{"router": "/more/", "fields": []}, cap()]})
    assert found.values["token_caps"] == [cap()]


def test_caps_may_be_missing():
    """Without caps everything is counted and nothing refused."""
    content = values()
    del content["token_caps"]
    assert build(document(content)).caps == {}


def test_entries_in_the_readme():
    """The README shows the entries of the default gl_config.json."""
    readme = (ROOT / "processors" / "tokencounter" / "README.md").read_text("utf-8")
    default = json.loads((ROOT / "conf" / "gl_config.json").read_text("utf-8"))
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", readme, re.DOTALL)]
    assert shown == [default[side]["processors"][0][0] for side in ("request", "response")]
