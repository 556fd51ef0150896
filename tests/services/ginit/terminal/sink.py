"""A home folder with a sink that is off."""

import json

from gecholog.health import ChecksumFile
from services.ginit.startup.prepare import DEFAULTS
from services.ginit.terminal.installation import Installation

SUM = "ab" * 32


def home_with_a_sink(home):
    """The surroundings of an appliance whose one service, nats2log, is healthy and off."""
    (home / "conf").mkdir()
    (home / "conf" / "nats2log_config.json").write_bytes((DEFAULTS / "nats2log_config.json").read_bytes())
    values = json.loads((DEFAULTS / "ginit_config.json").read_text())
    values["services"] = [service for service in values["services"] if service["name"] == "nats2log"]
    (home / "conf" / "ginit_config.json").write_text(json.dumps(values))
    ChecksumFile.of("nats2log", home).write(SUM, {"checksum": SUM, "left_out": [], "warnings": [], "off": True})
    return Installation(home, {})
