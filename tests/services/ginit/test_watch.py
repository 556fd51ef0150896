"""Watching config files: content decides, and it has to come to rest."""

import asyncio
import os
from pathlib import Path

import pytest

from services.ginit.watch import FileWatch, Unreadable, compare
from tests.support.waiting import eventually

FILE = Path("file")
GONE = Unreadable("is not there")


def test_change_has_to_come_to_rest():
    """A content counts when two looks in a row have seen it."""
    known = {FILE: b"old"}
    assert compare(known, {}, {FILE: b"ne"}) == ({}, {FILE: b"ne"})
    assert compare(known, {FILE: b"ne"}, {FILE: b"new"}) == ({}, {FILE: b"new"})
    assert compare(known, {FILE: b"new"}, {FILE: b"new"}) == ({FILE: b"new"}, {})
    assert compare(known, {FILE: GONE}, {FILE: GONE}) == ({FILE: GONE}, {})
    assert compare(known, {FILE: b"ne"}, {FILE: b"old"}) == ({}, {})


@pytest.fixture
async def watched(tmp_path):
    """A watched file, and the changes that were told."""
    file = tmp_path / "file"
    file.write_bytes(b"old")
    told = []
    watch = FileWatch(lambda path, content: told.append((path, content)))
    watch.set_files({file: b"old"})
    task = asyncio.create_task(watch.run())
    yield file, told, watch
    task.cancel()
    await asyncio.wait([task])


async def test_changes_are_told(watched):
    """A write, a removal, a file that comes back."""
    file, told, _ = watched
    file.write_bytes(b"new")
    await eventually(lambda: told == [(file, b"new")])
    file.unlink()
    await eventually(lambda: told[1:] == [(file, GONE)])
    file.write_bytes(b"again")
    await eventually(lambda: told[2:] == [(file, b"again")])


async def test_other_files_later(watched, tmp_path):
    """Files of another folder can be added while it runs."""
    file, told, watch = watched
    other = tmp_path / "folder" / "other"
    other.parent.mkdir()
    watch.set_files({file: b"old", other: GONE})
    other.write_bytes(b"there")
    await eventually(lambda: told == [(other, b"there")])


async def test_folder_that_is_replaced(watched, tmp_path):
    """When the whole folder goes and comes back, the file is found again."""
    _, told, watch = watched
    folder = tmp_path / "folder"
    folder.mkdir()
    inside = folder / "inside"
    inside.write_bytes(b"1")
    watch.set_files({inside: b"1"})
    folder.rename(tmp_path / "away")
    await eventually(lambda: told == [(inside, GONE)])
    folder.mkdir()
    inside.write_bytes(b"2")
    await eventually(lambda: told[1:] == [(inside, b"2")])


async def test_what_is_no_file_is_told_of_and_does_not_stop_the_watch(watched, tmp_path):
    """A FIFO, a link to a device without end, a directory, a huge file: each with its reason; then a file again."""
    file, told, watch = watched
    other = tmp_path / "other"
    watch.set_files({file: b"old", other: GONE})
    kinds = {
        "is a FIFO, not a regular file": os.mkfifo,
        "is a device, not a regular file": lambda path: path.symlink_to("/dev/zero"),
        "is a directory, not a regular file": Path.mkdir,
        "is larger than 16 MiB": lambda path: (path.touch(), os.truncate(path, 1 << 40)),
    }
    for number, (reason, make) in enumerate(kinds.items()):
        made = tmp_path / f"made {number}"
        make(made)
        if made.is_dir():
            file.unlink()
        made.replace(file)
        await eventually(lambda reason=reason: (file, Unreadable(reason)) in told)
        if reason.startswith("is a directory"):
            file.rmdir()
    other.write_bytes(b"still looked at")
    await eventually(lambda: (other, b"still looked at") in told)
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "new").replace(file)
    await eventually(lambda: told[-1] == (file, b"new"))
