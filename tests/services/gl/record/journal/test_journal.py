"""The journal: records stay until they are released, whatever happens to the process."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog import file_lock
from services.gl.record.journal import journal as journals
from services.gl.record.journal import orphans
from services.gl.record.journal.entry import ACCEPTED, FINAL
from services.gl.record.journal.journal import Journal, JournalDamaged, JournalFull

MIB = 1024 * 1024


def name(number):
    return number.to_bytes(16, "big")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "journal"


def left(folder):
    return {kept.record_id: (kept.data, kept.recovered) for kept in orphans.unacknowledged_records(folder)}


def append_and_acknowledge(journal, numbers, kind=FINAL, size=MIB):
    """Records that are kept, and released at once."""
    for number in numbers:
        journal.append(kind, name(number), bytes(size))
        journal.acknowledge(name(number))


def folder_of(journal):
    return journal._folder


def test_kept_until_released(root):
    """A record can be read back until it is released."""
    journal = Journal(root, MIB)
    journal.append(ACCEPTED, name(1), b"one")
    journal.append(FINAL, name(2), b"two")
    assert len(journal) == 2
    assert (journal.get(name(1)).data, journal.get(name(1)).recovered) == (b"one", True)
    assert journal.get(name(2)).recovered is False
    journal.acknowledge(name(1))
    assert journal.get(name(1)) is None
    assert len(journal) == 1
    journal.close()


def test_later_version_counts(root):
    """The final record takes the place of the accepted one."""
    journal = Journal(root, MIB)
    journal.append(ACCEPTED, name(1), b"early")
    journal.append(FINAL, name(1), b"final")
    assert len(journal) == 1
    assert left(folder_of(journal)) == {name(1): (b"final", False)}
    journal.close()


def test_full(root):
    """Beyond its limit the journal takes nothing more; what is in it stays."""
    journal = Journal(root, 1000)
    journal.append(FINAL, name(1), b"x" * 900)
    with pytest.raises(JournalFull):
        journal.append(FINAL, name(2), b"x" * 200)
    assert len(journal) == 1
    journal.close()


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 1 MiB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(words, check=False, capture_output=True).returncode if shutil.which("mount") else 1
    if mounted:
        pytest.skip("only root may mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(tiny_disk):
    """On a full disk the journal says so, keeps what it has, and goes on when there is room again."""
    journal, taken = Journal(tiny_disk / "journal", 10 * MIB), []

    def fill():
        for number in range(100):
            journal.append(FINAL, name(number), record_of(number))
            taken.append(number)

    with pytest.raises(OSError, match="no space left") as raised:
        fill()
    assert raised.value.errno == errno.ENOSPC
    assert len(journal) == len(taken) > 0
    for number in taken:
        assert journal.get(name(number)).data == record_of(number)
    assert left(folder_of(journal)) == {name(number): (record_of(number), False) for number in taken}
    for number in taken:
        journal.acknowledge(name(number))
    journal.append(FINAL, name(0), b"small")
    assert left(folder_of(journal))[name(0)] == (b"small", False)
    journal.close()


def record_of(number):
    return b"%d" % number * 50_000


def test_room_again_after_release(root):
    """A journal whose records are released has room again."""
    journal = Journal(root, 40 * MIB)
    append_and_acknowledge(journal, range(200))
    size = sum(file.stat().st_size for file in folder_of(journal).iterdir())
    assert size < 40 * MIB
    journal.close()


def test_closed_when_empty(root):
    """Nothing is left of a journal without records."""
    journal = Journal(root, MIB)
    journal.append(FINAL, name(1), b"x")
    journal.acknowledge(name(1))
    journal.close()
    assert list(root.iterdir()) == []


def test_closed_with_records(root):
    """What is not released waits for the next process."""
    journal = Journal(root, MIB)
    journal.append(FINAL, name(1), b"x")
    folder = folder_of(journal)
    journal.close()
    other = Journal(root, MIB)
    assert list(orphans.folders(root, other.folder)) == [folder]
    assert left(folder) == {name(1): (b"x", False)}
    orphans.discard(folder)
    assert list(orphans.folders(root, other.folder)) == []
    other.close()


@pytest.mark.parametrize("is_removed", [False, True])
def test_process_that_starts_is_no_orphan(root, monkeypatch, is_removed):
    """Others look for orphans just before the new folder is locked: when it is created, and when it is made again."""
    acquire, looked = file_lock.acquire, []

    def look_first(path, *more):
        if not looked:
            looked.append(path)
            for folder in orphans.folders(root, None):
                orphans.discard(folder)
        return acquire(path, *more)

    journal = Journal(root, MIB) if is_removed else None
    monkeypatch.setattr(file_lock, "acquire", look_first)
    if is_removed:
        shutil.rmtree(root)
    else:
        journal = Journal(root, MIB)
    journal.append(FINAL, name(1), b"x")
    assert looked
    assert left(folder_of(journal)) == {name(1): (b"x", False)}
    assert list(root.iterdir()) == [journal.folder]
    journal.close()


def test_process_that_died_as_it_started(root):
    """Its folder without a name is removed later."""
    new, stale = root / ".2-1", root / ".1-1"
    for folder in (new, stale):
        folder.mkdir(parents=True)
    os.utime(stale, (1, 1))
    assert list(orphans.folders(root, None)) == []
    assert list(root.iterdir()) == [new]


def test_journal_that_cannot_be_opened_leaves_nothing(root, monkeypatch):
    before = len(list(Path("/proc/self/fd").iterdir()))

    def refused(*_):
        raise OSError(errno.EIO, "Input/output error")

    for patched in ((journals.shutil, "disk_usage"), (Path, "rename")):
        with monkeypatch.context() as patch:
            patch.setattr(*patched, refused)
            with pytest.raises(OSError, match="Input/output"):
                Journal(root, MIB)
        assert list(root.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_living_process_is_no_orphan(root):
    """The journal of someone who lives is left alone."""
    one, other = Journal(root, MIB), Journal(root, MIB)
    one.append(FINAL, name(1), b"x")
    assert list(orphans.folders(root, other.folder)) == []
    one.close()
    other.close()


def test_for_its_owner_alone(root):
    """Nobody else can read what clients said."""
    journal = Journal(root, MIB)
    journal.append(FINAL, name(1), b"x")
    folder = folder_of(journal)
    assert folder.stat().st_mode & 0o077 == 0
    assert [file for file in folder.iterdir() if file.stat().st_mode & 0o077] == []
    journal.close()


def test_releases_are_noted_with_what_comes_next(root):
    """A release costs no system call of its own: it is noted with the next record, or when told to."""
    journal = Journal(root, MIB)
    for number in range(4):
        journal.append(ACCEPTED, name(number), b"x")
    size = journal._segments[-1].size
    assert journal.acknowledge(name(0)) is True
    assert journal.acknowledge(name(0)) is False
    assert journal._segments[-1].size == size
    assert set(left(folder_of(journal))) == {name(number) for number in range(4)}
    journal.append(ACCEPTED, name(4), b"y")
    assert left(folder_of(journal))[name(4)] == (b"y", True)
    assert journal.get(name(4)).data == b"y"
    assert set(left(folder_of(journal))) == {name(number) for number in (1, 2, 3, 4)}
    journal.acknowledge(name(2))
    journal.flush()
    journal.flush()
    assert set(left(folder_of(journal))) == {name(number) for number in (1, 3, 4)}
    journal.close()


def test_released_between_others(root):
    """A segment whose records are all released stays while an older one is needed: they must not come again."""
    journal = Journal(root, 100 * MIB)
    for number in range(3):
        journal.append(ACCEPTED, name(number), bytes(17 * MIB))  # a segment each
    assert journal.acknowledge(name(1)) is True
    journal.flush()
    assert set(left(folder_of(journal))) == {name(0), name(2)}
    assert journal.acknowledge(name(0)) is False
    assert set(left(folder_of(journal))) == {name(2)}
    journal.close()


def test_file_is_written_anew(root):
    """A segment whose records are all released lends its file to the next: the folder stays small, nothing returns."""
    journal = Journal(root, 200 * MIB)
    files = set()
    for number in range(200):
        journal.append(ACCEPTED, name(number), bytes([number]) * MIB)
        if number >= 20:
            journal.acknowledge(name(number - 20))
        files |= {file.stat().st_ino for file in folder_of(journal).iterdir()}
        if number % 9 == 0:
            journal.flush()
            assert set(left(folder_of(journal))) == {name(each) for each in range(max(0, number - 19), number + 1)}
    assert len(files) <= 5  # the lock, up to three segments, the spare
    assert journal.get(name(190)).data == bytes([190]) * MIB
    journal.close()
    (folder,) = root.iterdir()
    assert left(folder) == {name(number): (bytes([number]) * MIB, True) for number in range(180, 200)}


def test_large_file_is_given_back(root):
    """The file of one large record is not kept for others."""
    journal = Journal(root, 200 * MIB)
    journal.append(FINAL, name(1), bytes(40 * MIB))
    journal.acknowledge(name(1))
    journal.append(FINAL, name(2), b"x")
    assert sum(file.stat().st_size for file in folder_of(journal).iterdir()) < MIB
    journal.close()


def test_records_that_nobody_takes(root):
    """A few records that stay do not keep what came after them: the journal continues for ever."""
    journal = Journal(root, 100 * MIB)
    staying = {name(number): (bytes([number]) * MIB, number % 2 == 0) for number in range(4)}
    for record_id, (data, is_accepted) in staying.items():
        journal.append(ACCEPTED if is_accepted else FINAL, record_id, data)
    append_and_acknowledge(journal, range(100, 500), ACCEPTED)
    journal.flush()
    assert sum(file.stat().st_size for file in folder_of(journal).iterdir()) < 100 * MIB
    assert left(folder_of(journal)) == staying
    assert {key: journal.get(key).data for key in staying} == {key: data for key, (data, _) in staying.items()}
    journal.close()


def test_bus_that_is_away_for_long(root):
    """Segments that are full of records that wait are left alone."""
    journal = Journal(root, 300 * MIB)
    for number in range(200):
        journal.append(FINAL, name(number), number.to_bytes(1) * MIB)
    assert sum(file.stat().st_size for file in folder_of(journal).iterdir()) < 201 * MIB
    assert len(left(folder_of(journal))) == 200
    for number in range(200):
        journal.acknowledge(name(number))
    assert len(journal) == 0
    journal.close()


def test_folder_that_was_taken_away(root):
    """Whoever empties the folder under us costs us what was in it, and nothing that comes."""
    journal = Journal(root, 200 * MIB)
    append_and_acknowledge(journal, range(40))
    for file in folder_of(journal).iterdir():
        file.unlink()
    append_and_acknowledge(journal, range(40, 80))
    journal.append(FINAL, name(80), b"x")
    assert name(80) in left(folder_of(journal))
    journal.close()


def test_folder_that_was_removed(root):
    """The folder is made again, and is still nobody else's."""
    journal = Journal(root, 200 * MIB)
    journal.append(FINAL, name(1), bytes(17 * MIB))
    shutil.rmtree(root)
    journal.append(FINAL, name(2), b"two")
    assert left(folder_of(journal)) == {name(2): (b"two", False)}
    other = Journal(root, MIB)
    assert list(orphans.folders(root, other.folder)) == []
    other.close()
    assert len(journal.get(name(1)).data) == 17 * MIB
    journal.close()


def test_folder_that_cannot_be_written_to(root, monkeypatch):
    """What was released does not come again, though its file cannot be removed."""
    journal = Journal(root, 200 * MIB)
    for number in range(3):
        journal.append(FINAL, name(number), bytes(17 * MIB))  # a segment each

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        patch.setattr(Path, "rename", refused)
        journal.acknowledge(name(0))
        journal.acknowledge(name(1))
    assert set(left(folder_of(journal))) == {name(2)}
    journal.close()


@pytest.mark.parametrize("limit", [MIB, 8 * MIB, 40 * MIB])
def test_limit_holds_for_what_is_on_disk(root, limit):
    """The spare file and what files held before count, too; released records never make the journal full."""
    journal = Journal(root, limit)
    most = 0
    for number in range(600):
        journal.append(ACCEPTED, name(number), bytes(limit // 80 * (number % 8 + 1)))
        if number >= 2:
            journal.acknowledge(name(number - 2))
        most = max(most, sum(file.stat().st_size for file in folder_of(journal).iterdir()))
    assert most <= limit
    journal.close()


def test_spare_makes_room_on_a_full_disk(root, monkeypatch):
    """A disk has no room left but what the spare file holds: that is given up, and nothing is refused."""
    journal = Journal(root, 200 * MIB)
    disk = 20 * MIB
    really = os.pwritev

    def pwritev(file, parts, offset):
        size = sum(map(len, parts))
        others = sum(one.stat().st_size for one in folder_of(journal).iterdir()) - os.fstat(file).st_size
        room = disk - others - offset
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(file, [b"".join(parts)[:room]], offset) if room < size else really(file, parts, offset)

    monkeypatch.setattr(os, "pwritev", pwritev)
    append_and_acknowledge(journal, range(200), ACCEPTED, MIB // 2)
    with contextlib.suppress(OSError):
        for number in range(200, 300):
            journal.append(FINAL, name(number), bytes(MIB // 2))
    assert 30 < len(journal) < 45
    assert len(left(folder_of(journal))) == len(journal)
    journal.close()


def test_small_disk(root, monkeypatch):
    """Segments are small where the disk is: the journal must not take the room of the stream of records."""
    usage = shutil.disk_usage(root.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=60 * MIB))
    journal = Journal(root, 200 * MIB)
    most = 0
    for number in range(300):
        journal.append(ACCEPTED, name(number), bytes(MIB // 4))
        journal.append(FINAL, name(number), bytes(MIB // 4))
        journal.acknowledge(name(number))
        most = max(most, sum(file.stat().st_size for file in folder_of(journal).iterdir()))
    assert most < 16 * MIB
    journal.close()


def test_damaged_copy(root):
    """What is read is what was written, or an error."""
    journal = Journal(root, MIB)
    journal.append(FINAL, name(1), b"one")
    journal.append(FINAL, name(2), b"two")
    (segment,) = (path for path in folder_of(journal).iterdir() if path.name.isdecimal())
    with segment.open("r+b") as file:
        file.seek(segment.read_bytes().index(b"one"))
        file.write(b"owe")
    with pytest.raises(JournalDamaged):
        journal.get(name(1))
    assert journal.get(name(2)).data == b"two"
    journal.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from services.gl.record.journal.journal import Journal
from services.gl.record.journal.entry import ACCEPTED, FINAL
journal = Journal(Path(sys.argv[1]), 1 << 30)
for number in range(300):
    journal.append(ACCEPTED, number.to_bytes(16, "big"), b"a" * 100_000)
    if number % 3 == 0:
        journal.append(FINAL, number.to_bytes(16, "big"), b"final")
    if number % 3 == 1:
        journal.acknowledge(number.to_bytes(16, "big"))
journal.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed(root):
    """After SIGKILL everything that was not released is there, over several segments."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(root)], check=False, timeout=60, env={**os.environ})
    assert done.returncode == -9
    journal = Journal(root, MIB)
    (folder,) = orphans.folders(root, journal.folder)
    found = left(folder)
    assert set(found) == {name(number) for number in range(300) if number % 3 != 1}
    assert all(found[name(number)] == (b"final", False) for number in range(0, 300, 3))
    assert all(found[name(number)] == (b"a" * 100_000, True) for number in range(2, 300, 3))
    journal.close()


actions = st.lists(
    st.tuples(st.sampled_from(["accept", "final", "release"]), st.integers(0, 5), st.binary(max_size=60)), max_size=40
)


@settings(max_examples=50)
@given(actions=actions, segment=st.sampled_from([100, 300, 16 * MIB]))
def test_model(tmp_path_factory, actions, segment):
    """Whatever is done in whatever order, the journal and what a successor would find agree with a plain dict."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journals, "_SEGMENT", segment)  # small ones: files are written again
        agrees(tmp_path_factory, actions)


def agrees(tmp_path_factory, actions):
    journal = Journal(tmp_path_factory.mktemp("journal"), MIB)
    expected = {}
    for action, number, data in actions:
        if action == "release":
            journal.acknowledge(name(number))
            expected.pop(name(number), None)
        else:
            journal.append(ACCEPTED if action == "accept" else FINAL, name(number), data)
            expected[name(number)] = (data, action == "accept")
    assert len(journal) == len(expected)
    assert {key: (journal.get(key).data, journal.get(key).recovered) for key in expected} == expected
    journal.flush()
    assert left(folder_of(journal)) == expected
    journal.close()
