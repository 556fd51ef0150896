"""What is prepared before the appliance starts."""

import fcntl
import os
import stat
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ginit.startup import prepare
from tests.support.nats_server import PROGRAM


def test_only_missing_files_are_copied(tmp_path):
    """A file that is there is never overwritten, however it looks."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    for name in ("one", "two"):
        (source / name).write_text("default")
        (source / name).chmod(0o444)
    (target / "one").write_text("")
    said = list(prepare.copy_defaults(source, target, ["one", "two", "three"]))
    assert (target / "one").read_text() == ""
    assert (target / "two").read_text() == "default"
    assert os.access(target / "two", os.W_OK)
    assert [message for message, _ in said] == ["default config file copied", "cannot copy default config file"]
    assert sorted(file.name for file in target.iterdir()) == ["one", "two"]


@pytest.mark.parametrize("target", ["not mounted yet", "one"])
def test_links_are_never_replaced(tmp_path, target):
    """A link that leads nowhere for now, or in a circle, is someone's."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "one").write_text("default")
    (tmp_path / "conf" / "one").symlink_to(target)
    assert list(prepare.copy_defaults(tmp_path, tmp_path / "conf", ["one"])) == []
    assert str((tmp_path / "conf" / "one").readlink()) == target


def test_folder_that_cannot_be_written(tmp_path):
    """The error names owner and mode, so that they can be corrected."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    ((message, fields),) = prepare.copy_defaults(prepare.DEFAULTS, blocked / "conf", ["gl_config.json"])
    assert message == "cannot create config folder"
    assert fields["owner"] == f"{os.getuid()}:{os.getgid()}"
    assert fields["mode"] == "0644"


@pytest.mark.parametrize("value", [None, "", "not_set"])
def test_secret_that_is_not_set(tmp_path, value):
    """It becomes 32 letters, for its owner's eyes only, and stays the same from then on."""
    environ = {} if value is None else {"NATS_TOKEN": value}
    file = prepare.ensure_secret("NATS_TOKEN", environ, tmp_path / "secrets")
    token = environ["NATS_TOKEN"]
    assert len(token) == 32
    assert token.isascii()
    assert token.isalpha()
    assert file.read_text() == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    again = {}
    prepare.ensure_secret("NATS_TOKEN", again, tmp_path / "secrets")
    assert again["NATS_TOKEN"] == token


def test_secret_that_is_set(tmp_path):
    """It is left alone, and is not written anywhere."""
    environ = {"NATS_TOKEN": "given"}
    assert prepare.ensure_secret("NATS_TOKEN", environ, tmp_path / "secrets") is None
    assert environ == {"NATS_TOKEN": "given"}
    assert not (tmp_path / "secrets").exists()


MISREAD = [
    "123456",
    "true",
    "Off",
    "7mb",
    "12.5",
    "8e",
    "-x",
    ".ab",
    "$abc",
    '"abc"',
    "(ab)",
    "a b",
    "a,b",
    "a}b",
    "a\\b",
]
UNDERSTOOD = ["abcdef", "7f3a9c0d", "1e5", "a/b+c=", "a#b", "a$b", "_ab", "true1", "1.2.3.4", "a-b:c@d", "3e8f", "=ab"]


@pytest.mark.parametrize("token", MISREAD)
def test_tokens_that_nats_server_misreads(tmp_path, token):
    """What is refused is what a real nats-server does not take for text, or would compare with something else."""
    assert prepare.is_misread(token)
    if token != '"abc"':  # taken for abc: read without an error, and then clients are refused
        assert _reads(tmp_path, token) != 0


@pytest.mark.parametrize("token", UNDERSTOOD)
def test_tokens_that_nats_server_understands(tmp_path, token):
    """Tokens as people have them are not refused."""
    assert not prepare.is_misread(token)
    assert _reads(tmp_path, token) == 0


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=32, max_size=32))
def test_generated_tokens_are_never_refused(token):
    """They are letters only."""
    assert not prepare.is_misread(token)


def _reads(folder, token):
    config = folder / "nats-server.conf"
    config.write_text("authorization { token: $NATS_TOKEN }\n")
    command = [PROGRAM, "-c", str(config), "-t"]
    return subprocess.run(command, env={"NATS_TOKEN": token}, capture_output=True, check=False).returncode


def test_runtime_folder(tmp_path):
    """`run` in the home; where its path is too long for a socket, a temporary one."""
    assert prepare.runtime_folder(tmp_path) == tmp_path / "run"
    far = tmp_path / ("x" * 100)
    folder = prepare.runtime_folder(far)
    assert far not in folder.parents
    assert (far / "run").is_dir()
    folder.rmdir()


def test_home_that_cannot_be_written(tmp_path):
    """The appliance cannot start, and says who would have to own what."""
    (tmp_path / "home").write_text("a file")
    with pytest.raises(prepare.CannotStart, match=r"cannot be written.*owner \d+:\d+, mode \d+"):
        prepare.runtime_folder(tmp_path / "home")


def test_home_of_a_running_appliance(tmp_path):
    """It is held for as long as the appliance lives."""
    assert not prepare.is_running(tmp_path)
    (tmp_path / "run").mkdir()
    with (tmp_path / "run" / "lock").open("w") as lock:
        assert not prepare.is_running(tmp_path)
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert prepare.is_running(tmp_path)
    assert not prepare.is_running(tmp_path)
