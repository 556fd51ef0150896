"""The exit code travels from ginit to the launcher. In processes of their own: the descriptor has a fixed number."""

import subprocess
import sys

import pytest

from tests.services.ginit.edges import in_a_child
from tests.support.process import environment_of

DECIDE = "from services.ginit.supervisord.exit_code import decide; decide({})"
LAUNCHER = """
import subprocess, sys
from services.ginit.supervisord.exit_code import ExitCode
code = ExitCode()
for decision in sys.argv[1:]:
    subprocess.run([sys.executable, "-c", decision], close_fds=False, check=True)
print(code.read())
"""


def launcher(folder, *decisions):
    """The code that a launcher reads after processes below it have decided so."""
    command = [sys.executable, "-c", LAUNCHER, *(DECIDE.format(decision) for decision in decisions)]
    done = subprocess.run(command, env=environment_of(folder, {}), capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.parametrize(("decisions", "code"), [((), 0), ((1,), 1), ((1, 0, 255), 255), ((3, 0), 0)])
def test_last_decision_counts(tmp_path, decisions, code):
    """Without one, all is well."""
    assert launcher(tmp_path, *decisions) == code


def test_decision_is_one_byte(tmp_path):
    assert in_a_child(DECIDE.format(7), tmp_path) == ([7], "")


def test_nobody_to_tell(tmp_path):
    """ginit was started by hand: that is no reason to fail."""
    command = ["/bin/sh", "-c", 'exec "$0" -c "$1" 8>&-', sys.executable, DECIDE.format(1)]
    subprocess.run(command, env=environment_of(tmp_path, {}), check=True)
