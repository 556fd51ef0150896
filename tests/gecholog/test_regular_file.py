"""Reading files that a user named: whatever stands there, nothing waits and nothing is endlessly."""

import errno
import os
import socket
import threading
from contextlib import suppress

import pytest

from gecholog import regular_file
from gecholog.regular_file import Irregular


def a_fifo(path):
    os.mkfifo(path)


def a_directory(path):
    path.mkdir()


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(path.parent)  # the path of a socket must be short
        made.bind(path.name)


def a_link_to(target):
    return lambda path: path.symlink_to(target)


IRREGULAR = [
    (a_fifo, "is a FIFO, not a regular file"),
    (a_directory, "is a directory, not a regular file"),
    (a_socket, "is a socket, not a regular file"),
    (a_link_to("/dev/zero"), "is a device, not a regular file"),
    (a_link_to("/dev/null"), "is a device, not a regular file"),
    (a_link_to("."), "is a directory, not a regular file"),
]


@pytest.fixture(autouse=True)
def _stays_where_it_is(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("make", "reason"), IRREGULAR)
def test_what_is_no_regular_file(tmp_path, make, reason):
    """It is said what it is, at once, by every function."""
    path = tmp_path / "file"
    make(path)
    for read in (regular_file.read_bytes, regular_file.read_text, regular_file.check):
        with pytest.raises(Irregular) as raised:
            read(path)
        assert raised.value.strerror == reason
    assert regular_file.why_not(path) == reason


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (lambda path: None, errno.ENOENT),
        (a_link_to("nowhere"), errno.ENOENT),
        (a_link_to("file"), errno.ELOOP),
        (lambda path: path.with_name("x" * 5000), errno.ENOENT),
    ],
)
def test_what_cannot_be_opened(tmp_path, make, number):
    """A file that is not there, a link that leads nowhere or back to itself: as the operating system says it."""
    make(tmp_path / "file")
    with pytest.raises(OSError, match=os.strerror(number)):
        regular_file.read_bytes(tmp_path / "file")
    assert regular_file.why_not(tmp_path / "file") == f"cannot be read: {os.strerror(number)}"


@pytest.mark.parametrize("name", ["x" * 5000, "with\0nul", ""])
def test_names_that_are_none(name):
    """A name out of a config file may be anything."""
    with pytest.raises(OSError):  # noqa: PT011 - which one is the operating system's affair
        regular_file.read_bytes(name)
    assert regular_file.why_not(name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path):
    """A file that belongs to others."""
    (tmp_path / "file").touch(mode=0)
    assert regular_file.why_not(tmp_path / "file") == "cannot be read: Permission denied"


def test_a_file_and_a_link_to_it(tmp_path):
    """Links are followed, as Kubernetes has them."""
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfgr\xc3\xbcn")
    (tmp_path / "link").symlink_to("file")
    assert regular_file.read_bytes(tmp_path / "link") == b"\xef\xbb\xbfgr\xc3\xbcn"
    assert regular_file.read_text(tmp_path / "link", "utf-8-sig") == "grün"
    assert regular_file.why_not(tmp_path / "link") == ""


def test_size(tmp_path):
    """A file of the limit is read; one of a byte more is not, and neither is a sparse one of a terabyte."""
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10)
    assert regular_file.read_bytes(file, 10) == b"x" * 10
    with pytest.raises(Irregular, match="is larger than 9 bytes"):
        regular_file.read_bytes(file, 9)
    os.truncate(file, 1 << 40)
    assert regular_file.why_not(file) == "is larger than 16 MiB"


def test_file_whose_size_says_nothing():
    """Those below /proc are of size 0, and have a content."""
    assert regular_file.read_bytes("/proc/self/status").startswith(b"Name:")


def test_file_that_grows_and_shrinks_while_it_is_read(tmp_path):
    """It is never waited for, and never more than the limit."""
    file = tmp_path / "file"
    file.write_bytes(b"")
    over = threading.Event()

    def write():
        while not over.is_set():
            with file.open("ab") as growing:
                growing.write(b"x" * 100_000)
            if file.stat().st_size > 3_000_000:
                os.truncate(file, 0)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200):
            with suppress(Irregular):
                assert len(regular_file.read_bytes(file, 1_000_000)) <= 1_000_000
    finally:
        over.set()
        writer.join()
