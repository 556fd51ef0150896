"""The config of a trial: its own port and bus, and none of the checks of the router that is tried."""

import json
from pathlib import Path

import pytest

from gecholog.config import check
from services.gl.config import config_spec
from services.gui.drafts.json_document import Document
from services.gui.drafts.trial import scratch_config

CONF = Path(__file__).parents[4] / "conf" / "gl_config.json"


def test_scratch_config():
    """It is valid, and differs from the draft where it has to only."""
    text = CONF.read_text("utf-8").replace('"enabled": false', '"enabled": true', 1)
    draft = Document.of(text)
    made = scratch_config(draft, "/restricted/", 4711, (4222, "token"))
    values = check(
        made.text.encode(), "x", config_spec(), {"AISERVICE_API_BASE": "https://x", "AISERVICE_API_KEY": "k"}
    )
    assert [one.path for one in values.warnings if "restricted" in one.consequence] == []
    old, new = draft.value(), made.value()
    assert (new["gl_port"], new["gl_host"], new["tls"]["ingress"]["enabled"]) == (4711, "127.0.0.1", False)
    assert new["service_bus"]["hostname"] == "127.0.0.1:4222"
    assert "NATS_TOKEN" not in made.text
    topics = {new["service_bus"][name] for name in ("topic", "topic_exact_isalive", "topic_exact_logger")}
    assert topics.isdisjoint(
        {old["service_bus"][name] for name in ("topic", "topic_exact_isalive", "topic_exact_logger")}
    )
    assert new["routers"][5]["ingress"] == {}
    assert new["routers"][0] == old["routers"][0]


def test_a_router_that_is_not_there():
    with pytest.raises(LookupError, match="no router /none/"):
        scratch_config(Document.of(json.dumps({"routers": [{"path": "/a/"}]})), "/none/", 1, (2, "t"))
