"""The two users of the shipped nats-server.conf, for servers of tests."""

import json
import re
from typing import Any

from tests.support.nats_server import TOKEN
from tests.support.process import ROOT

PASSWORD = "PasswordOfProcessors"
PROCESSOR = {"NATS_USER": "processor", "NATS_PASSWORD": PASSWORD}
"""The environment of a processor that logs in as one."""

_PERMISSION = re.compile(r"^#\s+(subscribe|publish|allow_responses): (\{.*\})$", re.MULTILINE)


def authorization() -> dict[str, Any]:
    """The setting `authorization` of a nats-server: the appliance, whose password is the token, and `processor`."""
    text = (ROOT / "conf" / "nats-server.conf").read_text("utf-8")
    found = _PERMISSION.findall(text)
    assert len(found) == 3
    permissions = {name: json.loads(re.sub(r"(\w+): ", r'"\1": ', block)) for name, block in found}
    appliance = {"user": "appliance", "password": TOKEN}
    return {"users": [appliance, {"user": "processor", "password": PASSWORD, "permissions": permissions}]}
