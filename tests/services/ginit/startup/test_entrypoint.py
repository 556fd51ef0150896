"""The container's entry point: what it prepares, and what it becomes."""

import fcntl
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from services.ginit.startup import shipped
from services.ginit.startup.importing import IMPORTED
from services.ginit.startup.upgrade import EDITED, UPDATED
from tests.support.process import environment_of

ROOT = Path(__file__).parents[4]
ENTRYPOINT = ROOT / "entrypoint.sh"


def run(home, *arguments, **environ):
    return subprocess.run(
        [str(ENTRYPOINT), *arguments],
        env=environment_of(home, environ),
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def show_environment(folder):
    program = folder / "show"
    program.write_text('#!/bin/sh\necho "args $*"\nenv\n')
    program.chmod(0o755)
    return program


def test_flags_of_the_original(tmp_path):
    """Target, source, files, variables, and the program with its arguments."""
    source, target, home = tmp_path / "defaults", tmp_path / "conf", tmp_path / "home"
    source.mkdir()
    for name in ("a.json", "b.json", "c.json"):
        (source / name).write_text("default")
    program = show_environment(tmp_path)
    done = run(
        home,
        *("-t", f"{target}/", "-s", f"{source}/", "-f", "a.json:b.json"),
        *("-e", "NATS_TOKEN:MY_SECRET", "-c", f"{program}:-o:{target}/a.json"),
        NATS_TOKEN="not_set",
    )
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in target.iterdir()) == ["a.json", "b.json"]
    assert f"args -o {target}/a.json" in done.stdout
    token = (home / "secrets" / "NATS_TOKEN").read_text()
    assert f"NATS_TOKEN={token}\n" in done.stdout
    assert "MY_SECRET=" in done.stdout
    assert "GUI_SECRET=" not in done.stdout
    assert token not in done.stdout.partition("args")[0]


def test_defaults(tmp_path):
    """Without flags for it, all default configs go to the home, which the program learns. Examples stay behind."""
    done = run(tmp_path / "home", "-c", str(show_environment(tmp_path)))
    assert done.returncode == 0
    copied = {file.name for file in (tmp_path / "home" / "conf").iterdir()}
    assert copied == {file.name for file in (ROOT / "conf").iterdir() if file.is_file()}
    assert "examples" not in copied
    assert f"GECHOLOG_HOME={tmp_path}/home\n" in done.stdout


def test_source_folder_that_is_no_more(tmp_path):
    """The original's image had its defaults in /app, ours elsewhere: an old command line still works."""
    done = run(
        tmp_path / "home", "-s", "/no/such/folder/", "-f", "gl_config.json", "-c", str(show_environment(tmp_path))
    )
    assert done.returncode == 0
    assert (tmp_path / "home" / "conf" / "gl_config.json").exists()


@pytest.mark.parametrize(
    ("arguments", "environ", "reason"),
    [
        (("-c", "/no/such/program"), {}, "there is no program /no/such/program"),
        (("-c", "true"), {"NATS_TOKEN": "true"}, "NATS_TOKEN has a value"),
        (("-t", "/dev/null/conf"), {}, "cannot be read"),
    ],
)
def test_what_cannot_be_started(tmp_path, arguments, environ, reason):
    """Exit code 1, and one clear line for people."""
    done = run(tmp_path / "home", *arguments, **environ)
    assert done.returncode == 1
    assert any(line.startswith("error:") and reason in line for line in done.stderr.splitlines())
    assert "Traceback" not in done.stderr


def test_bad_config_of_ginit_starts_nothing(tmp_path):
    """Every problem is said, with its place."""
    home = tmp_path / "home"
    (home / "conf").mkdir(parents=True)
    (home / "conf" / "ginit_config.json").write_text('{"version": "1", "services": []}')
    done = run(home)
    assert done.returncode == 1
    for place in ("version", "log_level", "services"):
        assert place in done.stderr
    assert not list((home / "run").glob("*.sock"))


def old_default(name):
    """What an earlier version shipped, of a file that has changed since."""
    versions = list(shipped.history(ROOT, name)) if (ROOT / ".git").exists() else []
    if len(versions) < 2:
        pytest.skip("there is no history here")
    return versions[0]


def entries(done):
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_home_of_an_earlier_version(tmp_path):
    """Its default files are updated before anything starts, those of the user are not; both are said."""
    conf, program = tmp_path / "home" / "conf", show_environment(tmp_path)
    conf.mkdir(parents=True)
    (conf / "gl_config.json").write_bytes(old_default("gl_config.json"))
    own = old_default("tokencounter_config.json") + b"\n"
    (conf / "tokencounter_config.json").write_bytes(own)
    done = run(tmp_path / "home", "-c", str(program))
    [updated] = [entry for entry in entries(done) if entry["msg"] == UPDATED]
    assert updated["file"] == str(conf / "gl_config.json")
    assert Path(updated["kept"]).read_bytes() == old_default("gl_config.json")
    assert (conf / "gl_config.json").read_bytes() == (ROOT / "conf" / "gl_config.json").read_bytes()
    [yours] = [entry for entry in entries(done) if entry["msg"] == EDITED]
    assert (yours["level"], yours["file"]) == ("INFO", str(conf / "tokencounter_config.json"))
    assert "cap_status_code" in yours["new"]
    assert (conf / "tokencounter_config.json").read_bytes() == own


def test_files_of_a_running_appliance_are_left_alone(tmp_path):
    """It works with them; a second start on its home is refused later."""
    conf = tmp_path / "home" / "conf"
    conf.mkdir(parents=True)
    (conf / "gl_config.json").write_bytes(old_default("gl_config.json"))
    descriptor = os.open(tmp_path / "home", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    done = run(tmp_path / "home", "-c", str(show_environment(tmp_path)))
    os.close(descriptor)
    assert UPDATED not in done.stdout
    assert (conf / "gl_config.json").read_bytes() == old_default("gl_config.json")


def test_defaults_of_someone_else_update_nothing(tmp_path):
    """`-s` names a folder of one's own: its files are no newer versions of ours."""
    conf, source = tmp_path / "home" / "conf", tmp_path / "source"
    conf.mkdir(parents=True)
    source.mkdir()
    (source / "gl_config.json").write_text("{}")
    (conf / "gl_config.json").write_bytes(old_default("gl_config.json"))
    run(tmp_path / "home", "-s", str(source), "-c", str(show_environment(tmp_path)))
    assert (conf / "gl_config.json").read_bytes() == old_default("gl_config.json")


@pytest.mark.parametrize(("umask", "file", "folder"), [(0o022, 0o640, 0o750), (0o077, 0o600, 0o700)])
def test_what_is_written_is_not_for_everybody(tmp_path, umask, file, folder):
    """Copies of config files for the group at the most, secrets for their owner alone."""
    before = os.umask(umask)
    try:
        run(tmp_path / "home", "-c", str(show_environment(tmp_path)))
    finally:
        os.umask(before)
    home = tmp_path / "home"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.glob("*/*")}
    secrets = [modes.pop(name) for name in ("NATS_TOKEN", "NATS_PROCESSOR_PASSWORD", "GUI_SECRET")]
    assert secrets == [0o600] * 3
    assert set(modes.values()) == {file}
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    assert found == {"conf": folder, "secrets": 0o700}


def test_config_of_another_gateway(tmp_path):
    """It is imported before anything starts. A mistake in it is said with its line, and nothing starts."""
    home, program, theirs = tmp_path / "home", show_environment(tmp_path), tmp_path / "theirs.yml"
    theirs.write_text("providers:\n  - {id: a, provider: dummy, config: {}}\nmodels:\n  - {id: m, provider: a}\n")
    done = run(home, "-c", str(program), CONFIG_PATH=str(theirs), SERVER_PORT="27001")
    [imported] = [entry for entry in entries(done) if entry["msg"] == IMPORTED]
    assert (imported["level"], imported["system"], imported["port"]) == ("INFO", "llm-gateway", 27001)
    assert json.loads((home / "conf" / "gl_config.json").read_text())["models"] == [{"name": "m", "targets": ["a/m"]}]
    theirs.write_text("providers:\n  - {id: a, config: {}}\n")
    done = run(home, "-c", str(program), CONFIG_PATH=str(theirs))
    assert done.returncode == 1
    assert f"error: cannot import {theirs}: line 2: providers[0]: provider must be one of" in done.stderr
    assert "args" not in done.stdout
