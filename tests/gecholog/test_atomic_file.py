"""Files are replaced as a whole, with owner and mode."""

import os
import stat

import pytest

from gecholog import atomic_file


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_mode_of_a_new_file(tmp_path):
    """The one that is asked for, less what the umask takes away."""
    before = os.umask(0o022)
    try:
        atomic_file.write(tmp_path / "one", b"x", 0o640)
        os.umask(0o077)
        atomic_file.write(tmp_path / "two", b"x", 0o640, fsync=True)
    finally:
        os.umask(before)
    assert (mode(tmp_path / "one"), mode(tmp_path / "two")) == (0o640, 0o600)


@pytest.mark.parametrize("kept", [0o600, 0o644, 0o664, 0o444])
def test_mode_is_kept(tmp_path, kept):
    """Whatever it is, and whatever a killed process of the same number left behind."""
    file = tmp_path / "one"
    file.write_text("old")
    file.chmod(kept)
    (tmp_path / f".one.{os.getpid()}").write_text("half")
    atomic_file.write(file, b"new", like=file.stat())
    assert (file.read_bytes(), mode(file)) == (b"new", kept)
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owner_is_kept(tmp_path):
    """A file of another user's stays that user's."""
    file = tmp_path / "one"
    file.write_text("old")
    os.chown(file, 12345, 54321)
    atomic_file.write(file, b"new", like=file.stat())
    assert (file.stat().st_uid, file.stat().st_gid, file.read_bytes()) == (12345, 54321, b"new")


def test_nothing_is_left_of_what_fails(tmp_path):
    """A folder in the place of the file: it stays, and so does what is beside it."""
    (tmp_path / "one" / "in it").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        atomic_file.write(tmp_path / "one", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_readers_see_one_content_or_the_other(tmp_path):
    """An open file keeps what it had: its name leads to another file now."""
    file = tmp_path / "one"
    atomic_file.write(file, b"old")
    with file.open("rb") as reader:
        atomic_file.write(file, b"new")
        assert reader.read() == b"old"
    assert file.read_bytes() == b"new"
