"""Advisory file locks."""

import fcntl
import os
import stat
import subprocess
import sys

import pytest

from gecholog import file_lock


def test_one_holder_at_a_time(tmp_path):
    """The second attempt fails at once; closing the first descriptor releases the lock."""
    path = tmp_path / "lock"
    held = file_lock.acquire(path)
    try:
        with pytest.raises(BlockingIOError):
            file_lock.acquire(path)
        assert file_lock.is_held(path)
    finally:
        os.close(held)
    assert not file_lock.is_held(path)
    os.close(file_lock.acquire(path))


def test_a_file_that_its_last_holder_removed(tmp_path, monkeypatch):
    """Between open and lock the holder unlinks the file: the lock of a file without a name is worth nothing."""
    path = tmp_path / "lock"
    held = file_lock.acquire(path)
    lock = fcntl.flock

    def removed_before(descriptor, operation):
        monkeypatch.setattr(fcntl, "flock", lock)
        path.unlink()
        os.close(held)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", removed_before)
    second = file_lock.acquire(path)
    try:
        assert file_lock.is_at(second, path)
        assert file_lock.is_held(path)
    finally:
        os.close(second)


def test_a_failed_attempt_leaves_no_descriptor_open(tmp_path):
    """A descriptor that leaked would have the lowest number that is free, and keep it."""
    held = file_lock.acquire(tmp_path / "lock")
    try:
        free = _lowest_free(tmp_path)
        for _ in range(3):
            with pytest.raises(BlockingIOError):
                file_lock.acquire(tmp_path / "lock")
        assert _lowest_free(tmp_path) == free
    finally:
        os.close(held)


def _lowest_free(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def test_the_lock_file_is_private_and_not_inherited(tmp_path):
    held = file_lock.acquire(tmp_path / "lock")
    try:
        assert stat.S_IMODE(os.fstat(held).st_mode) == 0o600
        assert not os.get_inheritable(held)
    finally:
        os.close(held)


def test_a_folder(tmp_path):
    """A folder is locked through a descriptor that only reads."""
    held = file_lock.acquire(tmp_path, os.O_RDONLY)
    assert file_lock.is_held(tmp_path, os.O_RDONLY)
    os.close(held)
    assert not file_lock.is_held(tmp_path, os.O_RDONLY)


def test_a_duplicated_descriptor_keeps_the_lock(tmp_path):
    """The lock belongs to the open file: it lasts until its last descriptor is closed."""
    held = file_lock.acquire(tmp_path / "lock")
    second = os.dup(held)
    os.close(held)
    assert file_lock.is_held(tmp_path / "lock")
    os.close(second)
    assert not file_lock.is_held(tmp_path / "lock")


def test_what_is_missing_is_not_held(tmp_path):
    assert not file_lock.is_held(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
    with pytest.raises(FileNotFoundError):
        file_lock.acquire(tmp_path / "missing" / "lock")


def test_a_process_that_dies_releases_its_lock(tmp_path):
    """Nobody has to clean up after kill -9."""
    path = tmp_path / "lock"
    program = (
        "import sys; from pathlib import Path; from gecholog import file_lock; "
        "file_lock.acquire(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        assert file_lock.is_held(path)
    finally:
        holder.kill()
        holder.communicate()
    assert not file_lock.is_held(path)
