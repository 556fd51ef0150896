"""The launcher: it locks the home, clears what is of the last run, and ends with the exit code of the appliance."""

import os
import subprocess
import sys

import pytest

from gecholog import file_lock
from services.ginit.startup import launcher
from tests.support.process import environment_of


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home" / "run").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def runtime(tmp_path):
    (tmp_path / "runtime").mkdir()
    return tmp_path / "runtime"


def launched(home, runtime):
    """Run the launcher, which is not going to start anything."""
    return subprocess.run(
        [sys.executable, "-m", "services.ginit.startup.launcher"],
        env=environment_of(home, {"GECHOLOG_RUN": str(runtime)}),
        capture_output=True,
        text=True,
        check=False,
    )


def locked(home, times=1):
    """Lock the home so often in one process, as one appliance after the other; returns the results."""
    script = f"from pathlib import Path; from services.ginit.startup.launcher import _lock\nfor _ in range({times}):\n"
    script += f"    print(_lock(Path({str(home)!r})))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment_of(home, {}), capture_output=True, text=True, check=True)
    return [line == "True" for line in done.stdout.split()]


def test_home_belongs_to_one_appliance(home):
    """As long as its process lives, and no longer."""
    assert locked(home, times=2) == [True, False]
    assert locked(home) == [True]


@pytest.mark.parametrize(("name", "flags"), [("run/lock", os.O_RDWR | os.O_CREAT), (".", os.O_RDONLY)])
def test_either_lock_is_enough(home, name, flags):
    """The file may be removed under an appliance; and not every file system locks folders."""
    descriptor = file_lock.acquire(home / name, flags)
    assert locked(home) == [False]
    os.close(descriptor)
    assert locked(home) == [True]


def test_second_appliance(home, runtime):
    """It says why it does not start, and touches nothing but its own temporary folder."""
    (home / "run" / "state.json").write_text("of the first")
    descriptor = file_lock.acquire(home / "run" / "lock")
    done = launched(home, runtime)
    os.close(descriptor)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: another appliance runs with the same home folder, {home}\n"
    assert (home / "run" / "state.json").read_text() == "of the first"
    assert not runtime.exists()


def test_home_that_cannot_be_locked(tmp_path, runtime):
    """There is no folder for the lock."""
    done = launched(tmp_path / "nowhere", runtime)
    assert done.returncode == 1
    assert done.stderr == f"error: the home folder {tmp_path}/nowhere cannot be locked: No such file or directory\n"


def test_what_is_only_true_while_the_appliance_runs(home, runtime):
    """Above all the checksum files, which say that a service is healthy."""
    false = [
        home / "checksum" / ".gl_config.sha256",
        home / "run" / "state.json",
        home / "run" / "candidate" / "gl" / "gl.json",
        home / "run" / "inforce" / "gl" / "gl.json",
        runtime / "services" / "gl.conf",
        runtime / "output" / "gl",
    ]
    true = [home / "checksum" / "notes.txt", home / "run" / "records-gl.json", home / "conf" / "gl_config.json"]
    for file in (*false, *true):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    launcher._clear(home, runtime)
    assert [file for file in false if file.exists()] == []
    assert all(file.exists() for file in true)
    launcher._clear(home, runtime)  # nothing there is no error


def test_temporary_folder_is_removed(home, runtime):
    """The folder in the home stays: it is there for the next run as well."""
    launcher._remove_temporary(home, home / "run")
    assert (home / "run").exists()
    launcher._remove_temporary(home, runtime)
    assert not runtime.exists()


def test_as_many_connections_as_allowed(tmp_path):
    """The soft limit of open files is raised to the hard one."""
    script = (
        "import resource; from services.ginit.startup.launcher import _raise_file_limit; _raise_file_limit(); "
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    command = ["/bin/sh", "-c", 'ulimit -Sn 256 && ulimit -Hn 512 && exec "$0" -c "$1"', sys.executable, script]
    done = subprocess.run(command, env=environment_of(tmp_path, {}), capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["512", "512"]
