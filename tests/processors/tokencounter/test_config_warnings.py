"""Caps that would not be enforced, as the config check detects them."""

import json
from pathlib import Path

import pytest

from gecholog import config
from processors.tokencounter.config import config_spec

CONF = Path(__file__).parents[3] / "conf"
CONFIG_SPEC = config_spec()
ENVIRON = {"NATS_TOKEN": "abc"}


def shipped(name):
    return json.loads((CONF / name).read_text("utf-8"))


def warnings(counter, folder=None):
    parsed = config.check(json.dumps(counter).encode(), "test", CONFIG_SPEC, ENVIRON, folder)
    return [(warning.path, warning.rule) for warning in parsed.warnings]


def capped(router, field="total_tokens", value=100):
    return shipped("tokencounter_config.json") | {
        "token_caps": [{"router": router, "fields": [{"field": "prompt_tokens"}, {"field": field, "value": value}]}]
    }


@pytest.mark.parametrize(
    ("field", "value", "router", "expected"),
    [
        ("total_tokens", 100, "/a/", False),
        ("n", 100, "/a/", True),
        ("n", 0, "/a/", False),
        ("total_tokens", 100, "/own/", True),
        ("n", 100, "/own/", False),
    ],
)
def test_a_cap_that_nothing_feeds(field, value, router, expected):
    """Neither the patterns of its router, nor the default ones if it has none, find the field."""
    counter = capped(router, field, value)
    counter["usage_fields"].append({"router": "/own/", "patterns": [{"field": "n", "pattern": "a"}]})
    found = warnings(counter)
    assert [path for path, _ in found] == (["token_caps[0].fields[1].field"] if expected else [])


@pytest.fixture
def beside(tmp_path):
    """Return a folder with gl's shipped config, with the test's changes."""

    def write(change=lambda _: None, text=None):
        gateway = shipped("gl_config.json")
        change(gateway)
        (tmp_path / "gl_config.json").write_text(json.dumps(gateway) if text is None else text, "utf-8")
        return tmp_path

    return write


def test_the_shipped_files(beside):
    """The shipped files match without a warning."""
    assert not warnings(shipped("tokencounter_config.json"), beside())


def test_a_cap_of_no_router(beside):
    """A router that gl does not have is reported. One that is wrong in gl's file is gl's to report."""
    [(path, rule)] = warnings(capped("/missing/"), beside())
    assert path == "token_caps[0].router"
    assert "is not the path of a router" in rule
    assert not warnings(capped("/missing/"))
    assert not warnings(capped("/missing/", value=0), beside())

    def wrong(gateway):
        gateway["routers"].append({"path": "/missing/", "outbound": {"url": "", "add_stream_usage": True}})
        for side in ("request", "response"):
            gateway[side]["processors"][0][0]["routers"].append("/missing/")

    assert not warnings(capped("/missing/"), beside(wrong))


@pytest.mark.parametrize(
    ("side", "change", "expected"),
    [
        ("request", {"service_bus_topic": "another"}, "whose requests the token counter does not see"),
        ("request", {"async": True}, "whose requests the token counter does not see"),
        ("request", {"output_fields_write": []}, "whose requests the token counter does not see"),
        ("request", {"routers": ["/other/"]}, "whose requests the token counter does not see"),
        ("request", {"routers": ["/service/capped/"]}, None),
        ("response", {"service_bus_topic": "another"}, "whose responses the token counter does not see"),
        ("response", {"routers": ["/other/"]}, "whose responses the token counter does not see"),
        ("response", {"async": False}, None),
        ("response", {"input_fields_include": ["gl_path", "inbound_payload"]}, "whose usage gl does not send"),
        ("response", {"input_fields_include": []}, "whose usage gl does not send"),
    ],
)
def test_a_router_that_gl_does_not_ask_about(beside, side, change, expected):
    """A cap is enforced only if gl sends requests and responses to the counter."""

    def changed(gateway):
        gateway[side]["processors"][0][0] |= change

    found = warnings(capped("/service/capped/"), beside(changed))
    assert len(found) == (expected is not None)
    assert all(expected in rule for _, rule in found)


def test_streams_that_are_not_counted(beside):
    """OpenAI streams have usage only on request. Other patterns need no request."""

    def without(gateway):
        for router in gateway["routers"]:
            router["outbound"].pop("add_stream_usage", None)

    [(path, rule)] = warnings(capped("/service/capped/"), beside(without))
    assert path == "token_caps[0].router"
    assert "add_stream_usage" in rule
    counter = capped("/service/capped/")
    counter["usage_fields"].append(
        {
            "router": "/service/capped/",
            "patterns": [{"field": "total_tokens", "pattern": "inbound_payload.usageMetadata.totalTokenCount"}],
        }
    )
    assert not warnings(counter, beside(without))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "{",
        '{"routers": 3}',
        '{"routers": [3, {"path": 3}], "request": {"processors": [3, [3]]}}',
        "[" * 9999,
    ],
)
def test_a_file_of_gl_that_is_odd(beside, text):
    """Problems of gl's file are gl's to report."""
    found = warnings(capped("/service/capped/"), beside(text=text))
    assert all("router" in rule for _, rule in found)
