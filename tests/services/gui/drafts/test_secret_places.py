"""Every place of gl's schema where a string may stand: a variable in it that is new is seen."""

import pytest

from gecholog.schema_export import exported
from services.gl.config import config_spec
from services.gui.drafts.schema_path import is_map, kind_of
from services.gui.drafts.secret_flow import flows, problems

SCHEMA = exported(config_spec().schema)
DEPLOYED = flows({}, SCHEMA)
REQUIRED = ("routers", 0, "ingress", "headers")  # what clients must send is only compared
ADDRESSES = {"url", "hostname", "authority"}  # a variable at the beginning is the address


def places(schema, path=()):
    """The paths of all strings; 0 is an item, names of maps are those of fields that say where secrets go."""
    for name, part in schema.get("properties", {}).items():
        yield from places(part, (*path, name))
    if isinstance(schema.get("items"), dict):
        yield from places(schema["items"], (*path, 0))
    if is_map(schema):
        for name in ("url", "dialect", "ingress", "headers", "x"):
            yield from places(schema["additionalProperties"], (*path, name))
    if kind_of(schema, "") == "string":
        yield path


def config(path, text):
    """A config with a text at a path, and a foreign address in every object that may have one around it."""
    value = text
    for depth in reversed(range(len(path))):
        step = path[depth]
        if step == 0:
            value = [value]
        else:
            beside = {"url": "https://foreign.example"} if "headers" not in path[:depth] and depth else {}
            value = beside | {step: value}
    return value


PATHS = sorted({path for path in places(SCHEMA) if path[: len(REQUIRED)] != REQUIRED}, key=str)


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_new_variable_is_seen(path):
    for text in ("\\${K}", "\\\\${K}", "$$${K}", "x${K}", "${K}"):
        if text != "${K}" or path[-1] not in ADDRESSES or "headers" in path:
            assert problems(flows(config(path, text), SCHEMA), DEPLOYED), text
