"""The checksum file, and the home of what is written."""

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from gecholog.health import HEARTBEAT_TIMEOUT_S, ChecksumFile, ChecksumLock, home, in_force, last_heartbeat


def test_write_read_remove(tmp_path):
    """The file holds the checksum and nothing else; folders are made; what is gone may be removed again."""
    sign = ChecksumFile.of("gl", tmp_path / "new")
    assert sign.path == tmp_path / "new" / "checksum" / ".gl_config.sha256"
    sign.remove()
    assert sign.read() is None
    sign.write("abc")
    assert sign.path.read_bytes() == b"abc"
    sign.write("def")
    assert sign.read() == "def"
    assert list(sign.path.parent.iterdir()) == [sign.path]
    sign.remove()
    sign.remove()
    assert sign.read() is None


@pytest.mark.parametrize("content", [b"", b"\xff"])
def test_what_is_no_checksum(tmp_path, content):
    """An empty file, or one that someone else wrote, says nothing."""
    sign = ChecksumFile.of("gl", tmp_path)
    sign.write("abc")
    sign.path.write_bytes(content)
    assert sign.read() is None


def test_report(tmp_path):
    """What is left out lies beside the checksum, counts for that checksum only, and goes with it."""
    sign = ChecksumFile.of("gl", tmp_path)
    assert sign.read_report() is None
    sign.write("abc", {"checksum": "abc", "left_out": []})
    assert sign.report_path == tmp_path / "checksum" / ".gl_config.report.json"
    assert sign.read_report() == {"checksum": "abc", "left_out": []}
    sign.path.write_text("def")
    assert sign.read_report() is None
    sign.write("def")
    assert not sign.report_path.exists()
    sign.write("abc", {"checksum": "abc"})
    sign.remove()
    assert list(sign.path.parent.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", "{", "3", "\\xff"])
def test_what_is_no_report(tmp_path, text):
    """A report that cannot be read says nothing."""
    sign = ChecksumFile.of("gl", tmp_path)
    sign.write("abc", {"checksum": "abc"})
    sign.report_path.write_text(text)
    assert sign.read_report() is None


def test_readers_see_the_old_or_the_new(tmp_path):
    """However often it is written meanwhile, a reader never sees a part."""
    sign = ChecksumFile.of("gl", tmp_path)
    texts = ["a" * 64, "b" * 64]
    sign.write(texts[0])
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for text in texts:
                sign.write(text)

    writer = threading.Thread(target=write)
    writer.start()
    seen = {sign.read() for _ in range(5000)}
    stop.set()
    writer.join()
    assert seen <= set(texts)


def test_one_holder_of_the_lock(tmp_path):
    """One process holds the lock of a checksum file at a time; another alias has another lock."""
    sign = ChecksumFile.of("gl", tmp_path)
    first, second, other = ChecksumLock(sign), ChecksumLock(sign), ChecksumLock(ChecksumFile.of("gl2", tmp_path))
    assert (first.acquire(), first.acquire(), second.acquire(), other.acquire()) == (True, True, False, True)
    second.release()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    assert not first.acquire()
    second.release()
    other.release()
    assert list(sign.path.parent.iterdir()) == []


def test_lock_where_files_cannot_be_locked(tmp_path):
    """Every process counts as the holder."""
    (tmp_path / "checksum").write_text("no folder")
    assert ChecksumLock(ChecksumFile.of("gl", tmp_path)).acquire()


def test_signs_of_life(tmp_path):
    """A service that stops to give them is not healthy after some seconds, and is again when it continues."""
    sign = ChecksumFile.of("gl", tmp_path)
    checksum_lock = ChecksumLock(sign)
    checksum_lock.acquire()
    sign.write("sum")
    before = last_heartbeat("gl", tmp_path)
    checksum_lock.beat()
    assert last_heartbeat("gl", tmp_path) != before
    assert in_force("gl", tmp_path) == "sum"
    lock = sign.path.with_suffix(".lock")
    for seconds in (-HEARTBEAT_TIMEOUT_S - 1, HEARTBEAT_TIMEOUT_S + 1):  # a clock that was set back is no heartbeat
        moment = time.time() + seconds
        os.utime(lock, (moment, moment))
        assert in_force("gl", tmp_path) is None
        checksum_lock.beat()
        assert in_force("gl", tmp_path) == "sum"


def test_signs_of_life_of_others(tmp_path):
    """A program that has no lock file gives none, and its checksum file counts by itself."""
    ChecksumFile.of("other", tmp_path).write("sum")
    assert last_heartbeat("other", tmp_path) is None
    assert in_force("other", tmp_path) == "sum"
    ChecksumLock(ChecksumFile.of("other", tmp_path)).beat()  # without the lock
    assert last_heartbeat("other", tmp_path) is None
    assert in_force("none", tmp_path) is None


def test_signs_of_life_after_the_folder_was_removed(tmp_path):
    """The holder locks the new file, so that it still is the only one."""
    sign = ChecksumFile.of("gl", tmp_path)
    first, second = ChecksumLock(sign), ChecksumLock(sign)
    first.acquire()
    shutil.rmtree(sign.path.parent)
    first.beat()
    assert last_heartbeat("gl", tmp_path)
    assert not second.acquire()
    first.release()


def test_home():
    """GECHOLOG_HOME, or else a place that can be written."""
    assert home({"GECHOLOG_HOME": "/x/y"}) == Path("/x/y")
    assert home({"GECHOLOG_HOME": ""}) == home({}) == (Path("/app") if os.access("/app", os.W_OK) else Path("app"))
