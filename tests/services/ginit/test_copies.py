"""Copies of config files: what was validated is what is started from."""

import stat
from pathlib import Path

import pytest

from gecholog.config import checksum
from services.ginit.config import Definition
from services.ginit.copies import Copies


def definition(folder, name="one", program="one"):
    file = folder / "conf" / "mine.json"
    return Definition(name, Path(f"/bin/{program}"), "-o", file, (), "--validate", "ready", True, False)


def test_content_is_kept_and_put_in_force(tmp_path):
    """The copy has the very bytes, the user's file name, and is readable by its owner only."""
    copies, service = Copies(tmp_path / "run"), definition(tmp_path)
    sha256 = copies.keep("one", b"secret \r\n")
    assert sha256 == checksum(b"secret \r\n")
    assert copies.candidate(service, sha256).read_bytes() == b"secret \r\n"
    assert copies.read_in_force(service) is None
    copies.put_in_force(service, sha256)
    file = copies.in_force(service)
    assert file == tmp_path / "run" / "inforce" / "one" / "mine.json"
    assert file.read_bytes() == copies.read_in_force(service) == b"secret \r\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_names_of_copies(tmp_path):
    """Both copies are called as the user's file is."""
    copies, service = Copies(tmp_path / "run"), definition(tmp_path)
    sha256 = copies.keep("one", b"x")
    copies.put_in_force(service, sha256)
    names = copies.names(service)
    for copy in (copies.candidate(service, sha256), copies.in_force(service)):
        assert names[str(copy)] == str(tmp_path / "conf" / "mine.json")


def test_contents_that_nobody_needs_are_forgotten(tmp_path):
    """Hot drops do not fill the memory; what is asked for after that is left as it is on disk."""
    copies, service = Copies(tmp_path), definition(tmp_path)
    first, second = copies.keep("one", b"1"), copies.keep("one", b"2")
    copies.put_in_force(service, first)
    copies.keep_only("one", {first, None})
    copies.put_in_force(service, second)
    assert copies.read_in_force(service) == b"1"


@pytest.mark.parametrize(
    ("program", "text", "in_place"),
    [
        ("nats-server", b"port: 4222\n  include ./auth.conf\n", True),
        ("nats-server", b"port: 4222\n# include ./auth.conf\n", False),
        ("other", b"include ./auth.conf\n", False),
    ],
)
def test_config_with_includes_stays_in_place(tmp_path, program, text, in_place):
    """nats-server looks for included files beside its config, so a copy elsewhere would not do."""
    copies, service = Copies(tmp_path), definition(tmp_path, program=program)
    sha256 = copies.keep("one", text)
    assert (copies.candidate(service, sha256) == service.configuration_file) is in_place
    copies.put_in_force(service, sha256)
    assert (copies.in_force(service) == service.configuration_file) is in_place
    assert copies.read_in_force(service) == text
