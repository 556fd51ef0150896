"""The config with which a provider is checked: that provider, and nothing of the rest."""

import json

import pytest

from gecholog.config import check
from services.gl.config import config_spec
from services.gui.drafts.json_document import Document
from services.gui.drafts.provider_check import check_config
from tests.support.gui import CONF

PROVIDERS = [
    {"name": "one", "dialect": "openai", "profile": "openai", "api_key": "k"},
    {"name": "two", "enabled": False, "dialect": "dummy", "url": "http://127.0.0.1:${PORT}/v1"},
    {"name": "three", "dialect": "gemini", "api_key": "k"},
]


def test_one_provider_and_one_router():
    value = json.loads((CONF / "gl_config.json").read_text("utf-8")) | {"providers": PROVIDERS}
    made = check_config(Document.of(json.dumps(value)), "two", 4711, (4222, "token"))
    values = check(made.text.encode(), "x", config_spec(), {"PORT": "5390"}).values
    assert values["providers"] == [
        PROVIDERS[1] | {"url": "http://127.0.0.1:5390/v1", "enabled": True, "discover": True}
    ]
    assert [one["path"] for one in values["routers"]] == ["/check/"]
    assert not {"models", "request", "response", "admin_port", "workers"} & values.keys()
    assert values["service_bus"]["hostname"] == "127.0.0.1:4222"


def test_a_provider_that_is_not_there():
    with pytest.raises(LookupError, match="no provider none"):
        check_config(Document.of(json.dumps({"providers": PROVIDERS})), "none", 1, (2, "t"))
