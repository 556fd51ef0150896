"""What deploy.sh decides, with versions that are a few shell scripts. tests/system/test_deploy.py has real ones."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "deploy.sh"
HEALTHCHECK = """#!/bin/sh
version=$(readlink -f "$(dirname "$0")/../..")
cat "$version/LEFT_OUT"
! basename "$version" | grep -q -f "$GECHOLOG_HOME/unhealthy"
"""


class Host:
    """A host on which a version is started by writing its name into a file."""

    def __init__(self, folder):
        self.folder = folder
        self.root, self.home, self.source = folder / "opt", folder / "home", folder / "source"
        (self.home / "conf").mkdir(parents=True)
        (self.home / "unhealthy").touch()
        (self.home / "conf" / "gl_config.json").write_text("mine")
        self.variables = {
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "ROOT": str(self.root),
            "GECHOLOG_HOME": str(self.home),
            "ENVIRONMENT": str(folder / "env"),
            "BUILD": "true",
            "RESTART": f'readlink -f "{self.root}/current" >> "{folder}/started"',
            "ALIVE": "true",
            "TRIAL": "no",
            "HEALTH_SECONDS": "1",
            "BACK_SECONDS": "1",
            "STABLE_SECONDS": "0",
        }

    def version(self, name, *, left_out="", preflight="exit 0"):
        """Make a folder that deploy.sh can take."""
        programs = self.source / name / "services" / "bin"
        programs.mkdir(parents=True)
        (self.source / name / "gecholog").mkdir()
        (self.source / name / "gecholog" / "__init__.py").write_text(f'__version__ = "{name}"\n')
        (self.source / name / "LEFT_OUT").write_text(left_out)
        for program, text in (("healthcheck", HEALTHCHECK), ("preflight", f"#!/bin/sh\n{preflight}\n")):
            (programs / program).write_text(text)
            (programs / program).chmod(0o755)
        return self.source / name

    def deploy(self, argument, **variables):
        """The exit code, and what it said."""
        done = subprocess.run(
            [SCRIPT, str(argument)], env=self.variables | variables, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def current(self):
        """The version that `current` names, without the time of its installation."""
        return (self.root / "current").resolve().name.partition("-")[0]

    @property
    def started(self):
        try:
            lines = (self.folder / "started").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [Path(line).name.partition("-")[0] for line in lines]


@pytest.fixture
def host(tmp_path):
    """A host on which version 1 was installed."""
    made = Host(tmp_path)
    code, said = made.deploy(made.version("1"))
    assert (code, made.current, made.started) == (0, "1", []), said
    return made


def test_good_version(host):
    """It is started, and the one before can be taken back."""
    assert host.deploy(host.version("2"))[0] == 0
    assert (host.current, host.started) == ("2", ["2"])
    assert host.deploy("--back")[0] == 0
    assert (host.current, host.started) == ("1", ["2", "1"])


def test_refused_config(host):
    """Nothing is restarted. The variables of the service are there, as they stand in its file."""
    (host.folder / "env").write_text("# keys\nKEY='a b'\nOTHER=$KEY\nnot a variable\n")
    code, said = host.deploy(host.version("2", preflight='echo "<$KEY> <$OTHER>"; exit 1'))
    assert (code, host.current, host.started) == (1, "1", [])
    assert "<a b> <$KEY>" in said
    assert "refuses the config; nothing was changed" in said


def test_version_that_cannot_be_built(host):
    """The next attempt begins anew."""
    code, said = host.deploy(host.version("2"), BUILD="false")
    assert (code, host.current, host.started) == (1, "1", [])
    assert "cannot be built" in said


@pytest.mark.parametrize("failure", ["unhealthy", "ended", "not started", "left out"])
def test_rolled_back(host, failure):
    """The version before is started again, with its configs."""
    if failure == "unhealthy":
        (host.home / "unhealthy").write_text("2-")
    folder = host.version("2", left_out="left out: router /a/\n" if failure == "left out" else "")
    restart = f'echo theirs > "{host.home}/conf/gl_config.json"; {host.variables["RESTART"]}'
    variables = {"RESTART": restart}
    if failure == "ended":
        (host.home / "unhealthy").write_text("2-")
        variables |= {"ALIVE": "false", "HEALTH_SECONDS": "9"}
    if failure == "not started":
        variables["RESTART"] = f'{restart}; ! grep -q 2 "{host.root}/current/gecholog/__init__.py"'
    code, said = host.deploy(folder, **variables)
    assert (code, host.current, host.started) == (2, "1", ["2", "1"]), said
    # the second restart writes it again, so the copy tells
    assert (host.home / "deploy" / "conf" / "gl_config.json").read_text() == "mine"
    assert "rolled back, 1-" in said


def test_what_is_left_out_already(host):
    """Entries that the version before left out as well are no reason."""
    known = "left out: router /a/\n"
    (next((host.root / "versions").iterdir()) / "LEFT_OUT").write_text(known)
    assert host.deploy(host.version("2", left_out=known))[0] == 0
    assert host.current == "2"


def test_neither_is_healthy(host):
    """That has a code of its own."""
    (host.home / "unhealthy").write_text("2-\n1-\n")
    assert host.deploy(host.version("2"))[0] == 3
    assert host.current == "1"


def test_old_versions_are_removed(host):
    """Not those that are needed to go back."""
    for name in ("2", "3", "4"):
        assert host.deploy(host.version(name), KEEP="2")[0] == 0
    kept = {folder.name.partition("-")[0] for folder in (host.root / "versions").iterdir()}
    assert kept == {"3", "4"}


def test_a_branch_that_has_moved(host):
    """It is another version; the same commit again is refused."""
    repository = host.version("2").parent / "2"

    def git(*arguments):
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=repository, check=True, capture_output=True)

    git("init", "--initial-branch=main")
    git("add", ".")
    git("commit", "-m", "one")
    variables = {"REPOSITORY": str(repository)}
    assert host.deploy("main", **variables)[0] == 0
    first = (host.root / "current").resolve()
    code, said = host.deploy("main", **variables)
    assert code == 1
    assert "is the version that runs" in said
    git("commit", "--allow-empty", "-m", "two")
    git("tag", "main")  # a tag comes before a branch of the same name
    assert host.deploy("main", **variables)[0] == 0
    assert (host.root / "current").resolve() != first
    assert host.deploy("--back")[0] == 0
    assert (host.root / "current").resolve() == first


@pytest.mark.parametrize("argument", ["--back", "nowhere", "", "-x"])
def test_nothing_to_deploy(host, argument):
    code, said = host.deploy(argument, REPOSITORY=str(host.folder / "none"))
    assert list((host.root / "versions").glob("1-*"))
    assert (code, host.current, host.started) == (1, "1", [])
    assert "nothing was changed" in said
