"""The list of what was shipped: it knows the present files, and all that git knows."""

import subprocess
from pathlib import Path

import pytest

from gecholog.config import checksum
from services.ginit.startup import shipped
from services.ginit.startup.prepare import DEFAULTS
from services.ginit.startup.shipped import ShippedVersion

ROOT = Path(__file__).parents[4]
NAMES = sorted(file.name for file in DEFAULTS.iterdir() if file.is_file())


def sums(name):
    return [version.sha256 for version in shipped.load()[name]]


@pytest.mark.parametrize("name", NAMES)
def test_present_version_is_listed(name):
    """Whoever changes a default config file runs `make shipped`, or nobody's file will ever be updated from it."""
    assert sums(name)[-1] == checksum((DEFAULTS / name).read_bytes()), "run `make shipped`"


@pytest.mark.parametrize("name", NAMES)
def test_all_versions_that_git_knows_are_listed(name):
    """A home that any of them made is updated."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    assert {checksum(data) for data in shipped.history(ROOT, name)} <= set(sums(name)), "run `make shipped`"


def test_old_ones_are_recognised():
    """Two of those that were shipped in November 2026, whatever becomes of the history."""
    assert "2d99753184cd20552bb7c2062642b0603202bf152f4638ed4241c9aab46019b3" in sums("gl_config.json")
    assert "e1834854f113b6d5f3d593cc83344d6b046bb0b0c7bbdb2cdfb1dbc801f7e601" in sums("nats-server.conf")


def test_versions_are_added_in_their_order():
    """Each with the fields that are new in it. What is known stays, also when git has forgotten it."""
    forgotten = ShippedVersion("f" * 64, ())
    contents = [b'{"a": 1}', b'{"a": 1, "b": {"c": 2}}', b'{"a": 3, "b": {}}']
    found = shipped.extended("x.json", (forgotten,), contents)
    assert found == (
        forgotten,
        *(ShippedVersion(checksum(data), new) for data, new in zip(contents, [(), ("b",), ()], strict=True)),
    )
    assert shipped.extended("x.json", found, contents) == found


def test_version_that_is_shipped_again():
    """What was taken back is the present one: it is at the end."""
    one, two = b'{"a": 1}', b'{"b": 1}'
    assert [version.sha256 for version in shipped.extended("x.json", (), [one, two, one])] == [
        *(checksum(two), checksum(one))
    ]


def test_list_is_written_from_a_checkout(tmp_path):
    """All of it from git, and what is not committed yet at the end."""

    def git(*arguments):
        who = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)

    file, target = tmp_path / "conf" / "x.json", tmp_path / "list.json"
    file.parent.mkdir()
    git("init")
    for text in ('{"a": 1}', '{"a": 1, "b": 2}'):
        file.write_text(text)
        git("add", ".")
        git("commit", "-m", "change")
    file.write_text('{"a": 1, "b": 2, "c": 3}')
    for _ in range(2):
        assert shipped.main(tmp_path, target) == 0
        assert [version.new for version in shipped.load(target)["x.json"]] == [(), ("b",), ("c",)]
