"""Config files of a home that an earlier version made."""

import json
import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.config import checksum
from services.ginit.startup import shipped
from services.ginit.startup.prepare import DEFAULTS
from services.ginit.startup.shipped import ShippedVersion
from services.ginit.startup.upgrade import EDITED, NOT_UPDATED, UPDATED, ConfigPair, pairs, upgrade

OLD, NEW = b'{"a": 1}', b'{"a": 1, "b": {"c": 2}, "d": 3}'
VERSIONS = {"x.json": (ShippedVersion(checksum(OLD), ()), ShippedVersion(checksum(NEW), ("b", "d")))}


@pytest.fixture
def conf(tmp_path):
    """A folder with config files, and the shipped one beside it."""
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "x.json").write_bytes(NEW)
    (tmp_path / "conf").mkdir()
    return tmp_path / "conf"


def upgraded(conf):
    return list(upgrade(pairs(conf.parent / "shipped", conf, ["x.json"], VERSIONS)))


def test_earlier_default_is_updated(conf):
    """It gets the new content, keeps its mode, and the old content is kept beside. Once more, nothing is to be done."""
    file = conf / "x.json"
    file.write_bytes(OLD)
    file.chmod(0o604)
    [(message, said)] = upgraded(conf)
    assert (message, said["file"]) == (UPDATED, str(file))
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (NEW, 0o604)
    kept = conf / "replaced" / f"x.{checksum(OLD)[:12]}.json"
    assert (said["kept"], kept.read_bytes()) == (str(kept), OLD)
    assert stat.S_IMODE(kept.parent.stat().st_mode) & 0o027 == 0
    assert upgraded(conf) == []


@pytest.mark.parametrize(
    ("text", "new"),
    [
        (b'{"a": 1} ', ["b", "d"]),
        (b'{"a": 2, "d": 0}', ["b"]),
        (b'{"b": {}, "d": 0}', []),
        (b'\xef\xbb\xbf{"b": 0}', ["d"]),
        (b"", []),
        (b"{", []),
        (b"\xff", []),
        (b"[" * 100_000, []),
        (NEW, []),
    ],
)
def test_anything_else_is_left_alone(conf, text, new):
    """Down to a blank. What is new in the shipped file is said; a field that was always in it was removed knowingly."""
    (conf / "x.json").write_bytes(text)
    said = upgraded(conf)
    assert [(message, fields["new"]) for message, fields in said] == ([(EDITED, new)] if new else [])
    assert (conf / "x.json").read_bytes() == text
    assert [path.name for path in conf.iterdir()] == ["x.json"]


@given(st.binary(max_size=40))
def test_only_what_was_shipped_is_outdated(data):
    """For whatever someone has in the file."""
    pair = ConfigPair(DEFAULTS / "x.json", data, NEW, VERSIONS["x.json"])
    assert pair.is_outdated == (data == OLD)


def test_no_file(conf):
    """What is not there, or no regular file, is not this module's to mend."""
    assert upgraded(conf) == []
    (conf / "x.json").mkdir()
    assert upgraded(conf) == []


def test_link_is_left_alone(conf):
    """It is someone's arrangement, and the file behind it may be there for many."""
    (conf.parent / "real").write_bytes(OLD)
    (conf / "x.json").symlink_to(conf.parent / "real")
    [(message, said)] = upgraded(conf)
    assert (message, said["reason"]) == (NOT_UPDATED, "it is a symbolic link")
    assert (conf.parent / "real").read_bytes() == OLD


def test_no_place_for_the_old_content(conf):
    """Then the file stays as it is, and the reason is said."""
    (conf / "x.json").write_bytes(OLD)
    (conf / "replaced").write_text("in the way")
    [(message, said)] = upgraded(conf)
    assert message == NOT_UPDATED
    assert said["reason"]
    assert (conf / "x.json").read_bytes() == OLD


@pytest.fixture
def as_nobody():
    """Root can write everywhere; whoever else runs the tests cannot."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def read_only():
    """A config folder that everybody can read and nobody write, with an earlier default in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shipped").mkdir()
        (folder / "shipped" / "x.json").write_bytes(NEW)
        (folder / "conf").mkdir()
        (folder / "conf" / "x.json").write_bytes(OLD)
        for path, mode in ((folder, 0o755), (folder / "shipped", 0o755), (folder / "conf", 0o555)):
            path.chmod(mode)
        for path in folder.glob("*/*"):
            path.chmod(0o644)
        yield folder / "conf"
        (folder / "conf").chmod(0o755)


def test_read_only_folder(read_only, as_nobody):
    """A folder that cannot be written is said, and the appliance starts with what is there."""
    [(message, said)] = upgraded(read_only)
    assert (message, said["reason"]) == (NOT_UPDATED, "Permission denied")
    assert said["running_as"] == f"{os.geteuid()}:{os.getegid()}"
    assert (read_only / "x.json").read_bytes() == OLD
    assert [path.name for path in read_only.iterdir()] == ["x.json"]


def test_shipped_files_are_known():
    """Of the real files: none is outdated, and one without its newer fields is told of them."""
    found = list(pairs(DEFAULTS, DEFAULTS, shipped.load(), shipped.load()))
    assert len(found) == len(shipped.load())
    assert list(upgrade(found)) == []
    gl = next(pair for pair in found if pair.file.name == "gl_config.json")
    values = json.loads(gl.shipped)
    del values["gl_host"], values["log_unauthorized"]
    own = ConfigPair(gl.file, json.dumps(values).encode(), gl.shipped, gl.versions)
    assert own.new == ["gl_host"]
