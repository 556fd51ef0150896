"""Programs that are made when they are needed."""

import subprocess
import sys

import pytest

from tests.support.process import environment_of

PROGRAM = """
import sys
from gecholog import model_runner, plugins
from gecholog.processor import Processor

def make():
    if not sys.argv[1:]:
        raise plugins.environment_error("MODEL", "must be there")
    print("loaded")
    return Processor("thinker")

model_runner.run(make, "thinker", "Thinks.", sys.argv[1:])
"""


def run(tmp_path, *arguments):
    (tmp_path / "thinker.py").write_text(PROGRAM)
    env = environment_of(tmp_path, {"GECHOLOG_HOST": "127.0.0.1:1"})
    command = [sys.executable, "thinker.py", *arguments]
    return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_run_with_a_wrong_environment(tmp_path):
    """A program whose environment is wrong says so, and ends with 2."""
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (2, "thinker: environment: MODEL: must be there\n")


@pytest.mark.parametrize(("option", "code"), [("--version", 0), ("--help", 0), ("--healthcheck", 1), ("--other", 2)])
def test_run_without_serving(tmp_path, option, code):
    """An option needs no model."""
    done = run(tmp_path, option)
    assert done.returncode == code
    assert "loaded" not in done.stdout
