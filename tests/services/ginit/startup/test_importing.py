"""The config of another gateway, imported when the appliance starts."""

import json
from pathlib import Path

import pytest

from services.ginit.startup import importing, prepare, shipped
from services.ginit.startup.importing import IMPORTED, NOT_IMPORTED, UNCHANGED
from services.ginit.startup.prepare import CannotStart

DEFAULT = prepare.DEFAULTS / "gl_config.json"
THEIRS = """server: {port: 9000}
providers:
  - {id: One, provider: openai, config: {api_key: key-of-one, api_url: http://one.example}}
models:
  - {id: m, name: gpt, provider: One}
"""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("SERVER_PORT", "LOG_LEVEL", "OPENAI_API_KEY", "OPENAI_API_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path):
    """A home with the shipped config, and the config of another gateway."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "gl_config.json").write_bytes(DEFAULT.read_bytes())
    (tmp_path / "config.yml").write_text(THEIRS)
    return tmp_path


def start(home: Path) -> tuple[str, dict[str, object]]:
    source = importing.source_of(home, {})
    assert source is not None
    done = importing.import_config(source, home / "conf", DEFAULT, shipped.load()["gl_config.json"])
    assert done is not None
    return done


def ours(home: Path):
    return json.loads((home / "conf" / "gl_config.json").read_text())


def test_first_start(home):
    """Providers, models, `/v1/` and the port are theirs, the rest is what is shipped. The log has no keys."""
    message, about = start(home)
    assert message == IMPORTED
    assert about == {
        "file": f"{home}/config.yml",
        "system": "llm-gateway",
        "into": f"{home}/conf/gl_config.json",
        "providers": 1,
        "models": 1,
        "port": 9000,
        "not_carried_over": [],
    }
    default, made = json.loads(DEFAULT.read_text()), ours(home)
    assert made["gl_port"] == 9000
    assert made["providers"] == [
        {"name": "one", "dialect": "openai", "url": "http://one.example/v1", "api_key": "key-of-one"}
    ]
    assert made["models"] == [{"name": "m", "targets": ["one/gpt"]}]
    assert made["routers"][0]["outbound"] == {"models": ["*"], "fail_on": ["4xx", "5xx"]}
    assert made["routers"][1:] == [router for router in default["routers"] if router["path"] != "/v1/"]
    replaced = {"gl_port", "providers", "models", "routers"}
    assert {name: made[name] for name in made if name not in replaced} == {
        name: default[name] for name in default if name not in replaced
    }


def test_later_starts_follow_the_file(home, monkeypatch):
    """Nothing is written while nothing changes; the file and the variables count again after a change."""
    start(home)
    written = (home / "conf" / "gl_config.json").stat()
    assert start(home)[0] == UNCHANGED
    assert (home / "conf" / "gl_config.json").stat().st_mtime_ns == written.st_mtime_ns
    (home / "config.yml").write_text(THEIRS.replace("name: gpt", "name: other"))
    assert start(home)[0] == IMPORTED
    assert ours(home)["models"] == [{"name": "m", "targets": ["one/other"]}]
    monkeypatch.setenv("SERVER_PORT", "9001")
    monkeypatch.setenv("LOG_LEVEL", "debug")
    assert start(home)[0] == IMPORTED
    assert (ours(home)["gl_port"], ours(home)["log_level"]) == (9001, "DEBUG")


@pytest.mark.parametrize("imported_before", [False, True])
def test_edited_file_is_never_overwritten(home, imported_before):
    """It is a warning if the file has changed since it was imported: the change has no effect."""
    if imported_before:
        start(home)
    edited = json.dumps(ours(home) | {"gateway_id": "MINE0001"})
    (home / "conf" / "gl_config.json").write_text(edited)
    message, about = start(home)
    assert message == NOT_IMPORTED
    assert ("reason" in about) is not imported_before
    (home / "config.yml").write_text("providers: [")
    message, about = start(home)
    expected = (
        "config.yml has changed since it was imported" if imported_before else "config.yml has never been imported"
    )
    assert (message, about["reason"]) == (NOT_IMPORTED, expected)
    assert (home / "conf" / "gl_config.json").read_text() == edited


def test_symbolic_link_is_not_replaced(home):
    file = home / "conf" / "gl_config.json"
    file.rename(home / "elsewhere.json")
    file.symlink_to(home / "elsewhere.json")
    assert start(home)[0] == NOT_IMPORTED
    assert file.is_symlink()


def test_crash_between_the_two_files(home):
    """The state is written first. Both what was there and what would have come still count as not edited."""
    before = (home / "conf" / "gl_config.json").read_bytes()
    start(home)
    after = (home / "conf" / "gl_config.json").read_bytes()
    for content in (before, after):
        (home / "conf" / "gl_config.json").write_bytes(content)
        start(home)
        assert (home / "conf" / "gl_config.json").read_bytes() == after


def test_what_is_lost_is_a_warning(home):
    (home / "config.yml").write_text("openapi: {spec_path: x}\n" + THEIRS)
    message, about = start(home)
    assert message == IMPORTED
    assert about["not_carried_over"] == ["line 1: openapi: has no equivalent"]
    assert about["reason"] == "1 settings not carried over"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("providers:\n  - {id: a, provider: what, config: {}}\n", r"line 2: providers\[0\].provider: provider must be"),
        ("providers:\n  - {id: a, provider: openai, config: {}}\n", r"line 2: providers\[0\].config.api_key: must be"),
        ("providers: [\n", r"line 2: no valid YAML"),
        ("\n- x\n", "line 2: is no config of llm-gateway"),
    ],
)
def test_broken_file_starts_nothing(home, text, reason):
    """The reason has the file, the line and the key; nothing has been written."""
    (home / "config.yml").write_text(text)
    with pytest.raises(CannotStart, match=rf"config\.yml: {reason}"):
        start(home)
    assert (home / "conf" / "gl_config.json").read_bytes() == DEFAULT.read_bytes()
    assert not (home / "conf" / "imported.json").exists()


def test_wrong_variable_starts_nothing(home, monkeypatch):
    monkeypatch.setenv("SERVER_PORT", "http")
    with pytest.raises(CannotStart, match=r"config.yml: SERVER_PORT: must be a port from 1 to 65535"):
        start(home)


def test_which_file(home):
    """CONFIG_PATH comes before `config.yml` of the home; a file that it names must be there."""
    (home / "config.yml").unlink()
    assert importing.source_of(home, {"CONFIG_PATH": ""}) is None
    named = importing.source_of(home, {"CONFIG_PATH": str(home / "none.yml")})
    with pytest.raises(CannotStart, match=r"none\.yml, "):
        importing.import_config(named, home / "conf", DEFAULT, ())
    (home / "config.yml").mkdir()  # what a container engine makes of a mounted file that is missing
    with pytest.raises(CannotStart, match="is a directory"):
        importing.import_config(importing.source_of(home, {}), home / "conf", DEFAULT, ())
