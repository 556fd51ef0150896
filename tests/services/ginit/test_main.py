"""ginit as a program: anywhere, it starts the appliance; below supervisord, it manages the services."""

import json
import subprocess
import sys

import pytest

from services.ginit.supervisord.descriptors import EXIT_CODE
from tests.services.ginit.edges import program
from tests.support.process import environment_of


@pytest.fixture
def file(tmp_path):
    """A config of ginit with one service."""
    (tmp_path / "one.json").write_text("{}")
    service = {
        "name": "one",
        "file": str(program(tmp_path, "exit 0")),
        "config_command": "-o",
        "configuration_file": str(tmp_path / "one.json"),
        "validate_command": "--validate",
        "healthy_output": "ready",
    }
    file = tmp_path / "ginit_config.json"
    file.write_text(json.dumps({"version": "1.0.1", "log_level": "INFO", "services": [service]}))
    return file


def ginit(tmp_path, *arguments, **environ):
    """Run it; returns the process, and the exit code of the appliance that it has decided on, as bytes."""
    decided = tmp_path / "exit_code"
    command = ["/bin/sh", "-c", f'exec "$@" {EXIT_CODE}>"$0"', str(decided), sys.executable, "-m", "services.ginit"]
    done = subprocess.run(
        [*command, *arguments],
        env=environment_of(tmp_path / "home", environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done, decided.read_bytes()


def breaks(file):
    file.write_text(json.dumps(json.loads(file.read_text()) | {"max_starts": -1, "services": []}))


def test_validation(tmp_path, file):
    """It starts nothing, and creates nothing."""
    done, _ = ginit(tmp_path, "-o", str(file), "--validate")
    assert done.returncode == 0, done.stderr
    breaks(file)
    done, _ = ginit(tmp_path, "-o", str(file), "--validate")
    assert done.returncode == 1
    assert not (tmp_path / "home").exists()


def test_appliance_whose_config_is_not_valid(tmp_path, file):
    """All problems are on standard error and in the log; no supervisord was started."""
    breaks(file)
    done, _ = ginit(tmp_path, "-o", str(file))
    assert done.returncode == 1
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    reasons = [entry["reason"] for entry in entries if entry["msg"] == "the appliance cannot start"]
    assert ["max_starts" in reasons[0], "services" in reasons[1]] == [True, True]
    assert done.stderr.splitlines() == [f"error: {reason}" for reason in reasons]


def test_no_config_file(tmp_path):
    done, _ = ginit(tmp_path, "-o", str(tmp_path / "nowhere.json"))
    assert done.returncode == 1
    assert "nowhere.json" in done.stderr


def test_config_that_became_invalid_below_supervisord(tmp_path, file):
    """ginit was started again and cannot go on, so the appliance ends, with an error."""
    breaks(file)
    done, decided = ginit(tmp_path, "-o", str(file), SUPERVISOR_PROCESS_NAME="ginit")
    assert done.returncode == 1
    assert decided == b"\x01"
