"""The file sink on real files."""

import os
import resource
import signal
import stat

import pytest

from gecholog.tls import OutboundTls
from services.nats2log.config import FileWriter
from services.nats2log.entry import RecordEntry
from services.nats2log.sinks.file import make
from services.nats2log.sinks.sink import FaultKind


def entries(*texts):
    return [RecordEntry(text.encode()) for text in texts]


@pytest.fixture
async def open_sink(tmp_path):
    sinks = []

    async def opened(name="log.jsonl", write_mode="append", **fields):
        sink = make(FileWriter(tmp_path / name, write_mode, **fields), OutboundTls())
        sinks.append(sink)
        await sink.open()
        return sink

    yield opened
    for sink in sinks:
        await sink.close()


async def test_lines(open_sink, tmp_path):
    """Each record is one line. Line breaks in it and around it are removed."""
    sink = await open_sink("some/new/folder/log.jsonl")
    assert await sink.write(entries("{}", '\n{"a":\r\n1}\n', "no json\nat all", "")) == []
    assert (tmp_path / "some/new/folder/log.jsonl").read_bytes() == b'{}\n{"a":  1}\nno json at all\n\n'


async def test_append(open_sink, tmp_path):
    """Existing content stays, and an incomplete last line is terminated."""
    (tmp_path / "log.jsonl").write_text('{"old": 1}\n{"torn')
    sink = await open_sink()
    assert await sink.write(entries("{}")) == []
    assert (tmp_path / "log.jsonl").read_text() == '{"old": 1}\n{"torn\n{}\n'


async def test_overwrite(open_sink, tmp_path):
    """The file is emptied at the start only."""
    (tmp_path / "log.jsonl").write_text("old\n")
    sink = await open_sink(write_mode="overwrite")
    assert (tmp_path / "log.jsonl").read_text() == ""
    for text in ("1", "2"):
        assert await sink.write(entries(text)) == []
    assert (tmp_path / "log.jsonl").read_text() == "1\n2\n"


@pytest.mark.parametrize(
    ("name", "there", "expected"),
    [
        ("log.jsonl", [], "log.jsonl"),
        ("log.jsonl", ["log.jsonl"], "log_1.jsonl"),
        ("log.jsonl", ["log.jsonl", "log_1.jsonl", "log_3.jsonl"], "log_2.jsonl"),
        ("plain", ["plain"], "plain_1"),
        ("a.b.c", ["a.b.c"], "a.b_1.c"),
    ],
)
async def test_new(open_sink, tmp_path, name, there, expected):
    """The next free name is used."""
    for other in there:
        (tmp_path / other).write_text("old\n")
    sink = await open_sink(name, "new")
    assert await sink.write(entries("x")) == []
    assert (tmp_path / expected).read_text() == "x\n"
    assert all((tmp_path / other).read_text() == "old\n" for other in there)


async def test_moved_away(open_sink, tmp_path):
    """After a log rotation, the new file gets the following records."""
    sink = await open_sink()
    await sink.write(entries("1"))
    (tmp_path / "log.jsonl").rename(tmp_path / "old.jsonl")
    await sink.write(entries("2"))
    assert (tmp_path / "old.jsonl").read_text() == "1\n"
    assert (tmp_path / "log.jsonl").read_text() == "2\n"


async def test_folder_deleted(open_sink, tmp_path):
    """A deleted file and its folder are created again."""
    sink = await open_sink("folder/log.jsonl")
    (tmp_path / "folder/log.jsonl").unlink()
    (tmp_path / "folder").rmdir()
    assert await sink.write(entries("1")) == []
    assert (tmp_path / "folder/log.jsonl").read_text() == "1\n"


async def test_rotation(open_sink, tmp_path):
    """The file is rotated by size, and a configured number of old files is kept."""
    sink = await open_sink(rotate_bytes=10, rotate_keep=2)
    for number in range(8):
        assert await sink.write(entries(f"line{number}")) == []
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {
        "log.jsonl": "",
        "log.jsonl.1": "line6\nline7\n",
        "log.jsonl.2": "line4\nline5\n",
    }


async def test_fsync(open_sink, tmp_path):
    """Records are written with fsync as without it."""
    sink = await open_sink(fsync=True)
    assert await sink.write(entries("1", "2")) == []
    assert (tmp_path / "log.jsonl").read_text() == "1\n2\n"


async def test_half_written_batch_is_taken_back(open_sink, tmp_path):
    """A write that fails in the middle leaves whole lines of whole batches, and can be repeated."""
    sink = await open_sink()
    assert await sink.write(entries("first")) == []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        failures = await sink.write(entries("x" * 600, "y" * 600))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [failure.fault.kind for failure in failures] == [FaultKind.OUTAGE] * 2
    assert (tmp_path / "log.jsonl").read_text() == "first\n"
    assert await sink.write([failure.entry for failure in failures]) == []
    assert (tmp_path / "log.jsonl").read_text() == f"first\n{'x' * 600}\n{'y' * 600}\n"


async def test_folder_that_is_a_file(open_sink, tmp_path):
    """A permanent error is reported at the start, with the path."""
    (tmp_path / "a_file").write_text("")
    with pytest.raises(OSError, match=r"cannot write to .*a_file/log"):
        await open_sink("a_file/log")


async def test_pipe(open_sink, tmp_path):
    """A named pipe can be the destination."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        sink = await open_sink("pipe")
        assert await sink.write(entries("1")) == []
        assert os.read(reader, 100) == b"1\n"
    finally:
        os.close(reader)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def _usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_usual_umask")
async def test_others_cannot_read(open_sink, tmp_path):
    """Owner and group can read the file and rotated files, including those of an earlier version."""
    for name in ("log.jsonl", "log.jsonl.1", "log.jsonl.2"):
        (tmp_path / name).write_text("old\n")
        (tmp_path / name).chmod(0o644)
    sink = await open_sink(rotate_bytes=10, rotate_keep=3)
    assert {path.name: mode_of(path) for path in tmp_path.iterdir()} == dict.fromkeys(
        ("log.jsonl", "log.jsonl.1", "log.jsonl.2"), 0o640
    )
    assert await sink.write(entries("a line of text")) == []
    assert await sink.write(entries("another line")) == []
    assert {mode_of(path) for path in tmp_path.iterdir()} == {0o640}
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.usefixtures("_usual_umask")
@pytest.mark.parametrize("write_mode", ["append", "overwrite", "new"])
async def test_permissions_of_the_config(open_sink, tmp_path, write_mode):
    """New and existing files get the configured permissions, whatever the umask."""
    os.umask(0o077)
    await open_sink("a.jsonl", write_mode, permissions=0o644)
    assert mode_of(tmp_path / "a.jsonl") == 0o644
    (tmp_path / "b.jsonl").touch(mode=0o600)
    await open_sink("b.jsonl", "append", permissions=0o644)
    assert mode_of(tmp_path / "b.jsonl") == 0o644


@pytest.mark.usefixtures("_usual_umask")
async def test_fewer_permissions_stay(open_sink, tmp_path):
    """Without a configured value, permissions of a file are never extended."""
    (tmp_path / "log.jsonl").touch(mode=0o600)
    await open_sink()
    assert mode_of(tmp_path / "log.jsonl") == 0o600


@pytest.mark.usefixtures("_usual_umask")
async def test_a_pipe_keeps_its_permissions(open_sink, tmp_path):
    """The permissions of a named pipe are up to whoever created it."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pipe").chmod(0o666)
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        await open_sink("pipe")
        assert mode_of(tmp_path / "pipe") == 0o666
    finally:
        os.close(reader)
