"""The units of examples/systemd: systemd accepts them, and they fit the configs and `deploy.sh`."""

import json
import re
import shutil
import subprocess

import pytest

from tests.support.pages import ROOT

FOLDER = ROOT / "examples" / "systemd"
EXPOSURE = 2.0  # of 10
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")


def setting(name, file="gecholog.service"):
    return re.findall(rf"^{name}=(.*)$", (FOLDER / file).read_text("utf-8"), re.MULTILINE)


@pytest.fixture
def units(tmp_path):
    """The units, with the program where it is in this checkout."""
    for file in FOLDER.glob("gecholog.*"):
        text = file.read_text("utf-8").replace("/opt/gecholog/current", str(ROOT))
        (tmp_path / file.name).write_text(text, "utf-8")
    return [str(tmp_path / name) for name in ("gecholog.service", "gecholog.socket")]


@needs_systemd
def test_systemd_accepts_them(units):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_what_the_service_may_do(units):
    """systemd rates its exposure, as the page says. Versions of systemd differ a little."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", units[0]],
        capture_output=True,
        text=True,
        check=False,
    )
    rating = re.search(r"Overall exposure level for gecholog.service: ([\d.]+)", done.stdout)[1]
    assert float(rating) <= EXPOSURE
    assert "rates it below 2 " in (FOLDER / "README.md").read_text("utf-8")


def test_sockets_are_those_of_the_configs():
    wanted = [
        str(json.loads((ROOT / "conf" / file).read_text("utf-8"))[field])
        for file, field in (("gl_config.json", "gl_port"), ("gui_config.json", "gui_port"))
    ]
    assert setting("ListenStream", "gecholog.socket") == wanted


def test_defaults_of_deploy_are_those_of_the_unit():
    script = (ROOT / "deploy.sh").read_text("utf-8")
    (program,), (user,), (environment,) = (setting(name) for name in ("ExecStart", "User", "EnvironmentFile"))
    home = re.search(r"GECHOLOG_HOME=(\S+)", setting("Environment")[0])[1]
    for name, value in (
        ("ROOT", program.removesuffix("/current/entrypoint.sh")),
        ("RUN_AS", user),
        ("ENVIRONMENT", environment.removeprefix("-")),
        ("GECHOLOG_HOME", home),
    ):
        assert f"${{{name}:-{value}}}" in script, name
