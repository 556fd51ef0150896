"""`config-diff` as people call it."""

import json
import subprocess
from pathlib import Path

import pytest

from gecholog.headers import MASK
from services.ginit.startup.config_diff import compared
from services.ginit.startup.fields import unfilled
from services.ginit.startup.prepare import DEFAULTS
from tests.support.process import environment_of

PROGRAM = Path(__file__).parents[4] / "services" / "bin" / "config-diff"


def run(home, *arguments):
    return subprocess.run(
        [PROGRAM, *arguments], env=environment_of(home, {}), cwd="/", capture_output=True, text=True, check=False
    )


@pytest.fixture
def conf(tmp_path):
    """A config folder as it is shipped."""
    (tmp_path / "conf").mkdir()
    for file in DEFAULTS.iterdir():
        if file.is_file():
            (tmp_path / "conf" / file.name).write_bytes(file.read_bytes())
    return tmp_path / "conf"


def test_nothing_differs(conf):
    """It says so."""
    done = run(conf.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"The config files in {conf} do not differ from the shipped ones.\n"


def test_differences(conf):
    """A diff for each file, without the secrets in it; a file that cannot be compared or read is named."""
    values = json.loads((conf / "gl_config.json").read_text())
    del values["gl_host"]
    values["service_bus"]["token"] = "hunter2"
    (conf / "gl_config.json").write_text(json.dumps(values))
    text = (conf / "nats-server.conf").read_text()
    (conf / "nats-server.conf").write_text(text.replace("$NATS_TOKEN", "hunter2").replace("8MB", "9MB"))
    (conf / "dummy_config.json").unlink()
    (conf / "nats2log_config.json").write_text('{"token": "hunter2"')
    (conf / "nats2file_config.json").write_text((conf / "nats2file_config.json").read_text() + "\n")
    done = run(conf.parent)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert f"--- {conf}/gl_config.json (yours)" in lines
    assert "+++ gl_config.json (shipped)" in lines
    assert '+ gl_host: "${GECHOLOG_LISTEN}"' in lines
    assert f'- service_bus.token: "{MASK}"' in lines
    assert '+ service_bus.token: "${NATS_TOKEN}"' in lines
    assert f"-     token: {MASK}" in lines
    assert "- max_payload: 9MB" in lines
    assert f"{conf}/dummy_config.json: cannot be read: No such file or directory" in lines
    assert f"{conf}/nats2log_config.json: is not JSON, and so cannot be compared" in lines
    assert any(line.startswith(f"{conf}/nats2file_config.json: differs") for line in lines)
    assert "hunter2" not in done.stdout


def test_one_file_of_another_folder(conf, tmp_path):
    """`-t` as the entry point has it; names that are not shipped are refused."""
    (conf / "gl_config.json").write_text("{}")
    (conf / "dummy_config.json").write_text("{}")
    done = run(tmp_path / "elsewhere", "-t", str(conf), "dummy_config.json")
    assert "+ port: 5390" in done.stdout
    assert "gl_port" not in done.stdout
    assert run(tmp_path, "other.json").returncode == 2


def test_layout_and_variables_are_no_difference():
    """Numbers may be variables, which are no JSON before they are filled in."""
    assert compared("x.json", '{"a":[1],"p":${P}}', '{\n "a": [1],\n "p": "${P}"}') == []
    assert compared("x.json", '{"p": 1}', '{"p": ${P}}') == ["- p: 1", '+ p: "${P}"']


def test_layout_is_no_difference(conf):
    """A file in another layout shows what differs and nothing else, also one of nats-server."""
    text = (conf / "gl_config.json").read_text()
    again = json.dumps(unfilled(text) | {"gl_port": 8080}, indent=9, sort_keys=True)
    assert compared("gl_config.json", again, text) == ["- gl_port: 8080", "+ gl_port: 5380"]
    text = (conf / "nats-server.conf").read_text()
    again = "".join(f"\t{line.strip()}\n" for line in text.replace("8MB", "9MB").splitlines())
    lines = compared("nats-server.conf", again, text)
    assert [line for line in lines if line.startswith(("-", "+"))] == ["-     max_payload: 9MB", "+ max_payload: 8MB"]
    assert compared("nats-server.conf", again.replace("9MB", "8MB"), text) == []


def test_reader_that_goes_away(conf):
    """`config-diff | head` ends without a word."""
    (conf / "gl_config.json").write_text("{}")
    done = subprocess.run(
        ["/bin/sh", "-c", f"'{PROGRAM}' | true"], env=environment_of(conf.parent, {}), capture_output=True, check=False
    )
    assert done.stderr == b""
