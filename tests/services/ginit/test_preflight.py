"""All config files are validated before a version replaces another one."""

import pytest

from gecholog import logs
from services.ginit import preflight
from tests.support.appliance import Home


@pytest.fixture
def home(tmp_path, monkeypatch):
    made = Home(tmp_path / "home")
    monkeypatch.setenv("GECHOLOG_HOME", str(made.folder))
    for name in ("NATS_TOKEN", "NATS_PROCESSOR_PASSWORD", "GUI_SECRET"):
        monkeypatch.setenv(name, "Given")
    for name in ("NATS_STORE_DIR", "NATS_LISTEN"):
        monkeypatch.setenv(name, "")  # it sets them, and this process goes on
    yield made
    logs.finish()


def test_valid_files(home, capsys):
    """The number of services is said."""
    home.add("one").add("two").write()
    assert preflight.main([]) == 0
    assert "2 services, 0 refused" in capsys.readouterr().out
    assert not (home.folder / "secrets").exists()


def test_refused_files(home, capsys):
    """Each is named, with the reason that its service gives."""
    home.add("one").add("two", "invalid").add("three", "invalid").write()
    assert preflight.main(["-o", str(home.config("ginit_config"))]) == 1
    said = capsys.readouterr().out
    assert f"invalid: {home.config('two')}: this is invalid in {home.config('two')}" in said
    assert "3 services, 2 refused" in said


def test_config_of_ginit(home, capsys):
    """It names the services; without it nothing can be validated."""
    home.config("ginit_config").write_text("{", "utf-8")
    assert preflight.main([]) == 1
    assert str(home.config("ginit_config")) in capsys.readouterr().out
    assert preflight.main(["-o", "nowhere.json"]) == 1
    assert "invalid: nowhere.json" in capsys.readouterr().out
