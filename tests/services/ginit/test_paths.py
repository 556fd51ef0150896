"""Where the appliance keeps its files."""

from pathlib import Path

from services.ginit.paths import Paths


def test_files_that_outlive_a_run_are_in_the_home():
    """What needs a real file system may be elsewhere, and is removed at the end."""
    paths = Paths(Path("/home"), Path("/runtime"))
    assert (paths.run, paths.state_file) == (Path("/home/run"), Path("/home/run/state.json"))
    assert (paths.output, paths.services) == (Path("/runtime/output"), Path("/runtime/services"))
