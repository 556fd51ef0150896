"""The checksum file, and the home of what is written."""

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from gecholog.health import SILENT_AFTER, ChecksumFile, Claim, home, in_force, last_beat


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
    """An empty file, or one that somebody else wrote, says nothing."""
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


def test_claim(tmp_path):
    """One has the right to a checksum file, the next when it lets go; another name is another matter."""
    sign = ChecksumFile.of("gl", tmp_path)
    first, second, other = Claim(sign), Claim(sign), Claim(ChecksumFile.of("gl2", tmp_path))
    assert (first.take(), first.take(), second.take(), other.take()) == (True, True, False, True)
    second.release()
    assert not second.take()
    first.release()
    assert second.take()
    assert not first.take()
    second.release()
    other.release()
    assert list(sign.path.parent.iterdir()) == []


def test_claim_where_nothing_can_be_locked(tmp_path):
    """Everybody has the right, as there is no telling."""
    (tmp_path / "checksum").write_text("no folder")
    assert Claim(ChecksumFile.of("gl", tmp_path)).take()


def test_signs_of_life(tmp_path):
    """A service that stops to give them is not healthy after some seconds, and is again when it goes on."""
    sign = ChecksumFile.of("gl", tmp_path)
    claim = Claim(sign)
    claim.take()
    sign.write("sum")
    before = last_beat("gl", tmp_path)
    claim.beat()
    assert last_beat("gl", tmp_path) != before
    assert in_force("gl", tmp_path) == "sum"
    lock = sign.path.with_suffix(".lock")
    for seconds in (-SILENT_AFTER - 1, SILENT_AFTER + 1):  # a clock that was set back is no sign of life
        moment = time.time() + seconds
        os.utime(lock, (moment, moment))
        assert in_force("gl", tmp_path) is None
        claim.beat()
        assert in_force("gl", tmp_path) == "sum"


def test_signs_of_life_of_others(tmp_path):
    """A program that has no lock file gives none, and its checksum file counts by itself."""
    ChecksumFile.of("other", tmp_path).write("sum")
    assert last_beat("other", tmp_path) is None
    assert in_force("other", tmp_path) == "sum"
    Claim(ChecksumFile.of("other", tmp_path)).beat()  # without the right
    assert last_beat("other", tmp_path) is None
    assert in_force("none", tmp_path) is None


def test_signs_of_life_after_the_folder_was_removed(tmp_path):
    """The right is taken anew, and is still that of one alone."""
    sign = ChecksumFile.of("gl", tmp_path)
    first, second = Claim(sign), Claim(sign)
    first.take()
    shutil.rmtree(sign.path.parent)
    first.beat()
    assert last_beat("gl", tmp_path)
    assert not second.take()
    first.release()


def test_home():
    """GECHOLOG_HOME, or else a place that can be written."""
    assert home({"GECHOLOG_HOME": "/x/y"}) == Path("/x/y")
    assert home({"GECHOLOG_HOME": ""}) == home({}) == (Path("/app") if os.access("/app", os.W_OK) else Path("app"))
