"""The first client key."""

import json

import pytest

from gecholog.keys.credential import id_of
from services.ginit.startup import first_key
from services.ginit.startup.prepare import DEFAULTS
from services.gl.keyring.first_key import entry_of


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "gl_config.json"
    file.write_bytes((DEFAULTS / "gl_config.json").read_bytes())
    return file


def with_keys(config, rule):
    values = json.loads(config.read_bytes())
    for router in values["routers"]:
        router["ingress"].pop("keys", None)
    if rule:
        values["routers"][0]["ingress"]["keys"] = rule
    config.write_text(json.dumps(values))


def test_the_shipped_config_asks_for_keys(tmp_path, config):
    """The key is readable by its user only, and gl takes it."""
    made = first_key.ensure(tmp_path, config)
    assert made == tmp_path / "secrets" / "FIRST_KEY"
    assert made.stat().st_mode & 0o777 == 0o600
    entry = entry_of(made)
    assert (entry.id, entry.name) == (id_of(made.read_text().strip()), "first key")


def test_it_is_made_once(tmp_path, config):
    key = first_key.ensure(tmp_path, config).read_text()
    assert first_key.ensure(tmp_path, config) is None
    assert first_key.file_in(tmp_path).read_text() == key


def test_it_is_not_made_again_when_there_are_keys(tmp_path, config):
    """Its owner has removed the file."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "gl.json").write_text("{}")
    assert first_key.ensure(tmp_path, config) is None


@pytest.mark.parametrize(("rule", "is_made"), [(None, False), ("off", False), ("optional", True), ("required", True)])
def test_only_for_a_config_that_asks_for_keys(tmp_path, config, rule, is_made):
    with_keys(config, rule)
    assert (first_key.ensure(tmp_path, config) is not None) == is_made


@pytest.mark.parametrize("content", ["", "{}", '{"routers": 1}', '{"routers": [{"ingress": 1}]}'])
def test_a_config_that_cannot_be_read(tmp_path, config, content):
    config.write_text(content)
    assert first_key.ensure(tmp_path, config) is None


@pytest.mark.parametrize("content", ["", "no key", "sk-gl-short"])
def test_a_file_without_a_key(tmp_path, content):
    file = tmp_path / "FIRST_KEY"
    file.write_text(content)
    assert entry_of(file) is None
    assert entry_of(tmp_path / "missing") is None
