"""`--validate` of every service: the config from a file or from standard input, the verdict as exit code."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.process import ROOT, environment_of
from tests.system.conftest import CONF

FILES = {
    "gl": "gl_config.json",
    "ginit": "ginit_config.json",
    "nats2log": "nats2log_config.json",
    "nats2file": "nats2file_config.json",
    "tokencounter": "tokencounter_config.json",
    "dummy": "dummy_config.json",
    "gui": "gui_config.json",
}


@pytest.fixture(params=FILES)
def validate(request, tmp_path):
    """Calls the program as the image does; gives exit code, log entries, what it said to people."""
    name = "nats2log" if request.param == "nats2file" else request.param
    home = tmp_path / "home"
    (home / "conf").mkdir(parents=True)
    for file in filter(Path.is_file, CONF.iterdir()):
        (home / "conf" / file.name).write_bytes(file.read_bytes())

    def call(text, *, as_file):
        arguments = [str(ROOT / "services" / "bin" / name), "--validate"]
        if as_file:
            (tmp_path / "config.json").write_text(text, "utf-8")
            arguments += ["-o", str(tmp_path / "config.json")]
        done = subprocess.run(
            arguments,
            input="" if as_file else text,
            env=environment_of(home, {"NATS_TOKEN": "TokenOfTheTest", "GUI_SECRET": "SecretOfTheTest"}),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    call.usual = (CONF / FILES[request.param]).read_text("utf-8")
    return call


@pytest.mark.parametrize("as_file", [True, False])
def test_default_config_is_valid(validate, as_file):
    """Exit code 0."""
    code, entries, errors = validate(validate.usual, as_file=as_file)
    assert code == 0, errors
    assert entries[-1]["msg"] == "config is valid"


@pytest.mark.parametrize("as_file", [True, False])
def test_all_problems_are_said(validate, as_file):
    """Exit code 1, and a line for each problem, for programs and for people."""
    wrong = json.loads(validate.usual) | {"log_level": "LOUD", "version": 7}
    code, entries, errors = validate(json.dumps(wrong), as_file=as_file)
    assert code == 1
    said = {entry["path"] for entry in entries if entry["level"] == "ERROR"}
    assert "version" in said
    assert errors == ""


@pytest.mark.parametrize("as_file", [True, False])
@pytest.mark.parametrize("text", ["", "[]"])
def test_what_is_no_config(validate, text, as_file):
    """Exit code 1, and a reason."""
    code, entries, errors = validate(text, as_file=as_file)
    assert code == 1
    assert entries[-1]["level"] == "ERROR"
    assert "Traceback" not in errors
