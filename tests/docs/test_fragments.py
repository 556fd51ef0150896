"""The parts of config files that pages show: added to the default config, they are valid without a warning."""

import json
import subprocess
import sys

import pytest

from tests.support.pages import ROOT, blocks_by_name
from tests.support.process import environment_of

GL = ("services.gl", "gl_config.json")
COUNTER = ("processors.tokencounter", "tokencounter_config.json")
ENVIRONMENT = {"NATS_TOKEN": "TokenOfTheTests", "GECHOLOG_API_KEY": "a", "OPENAI_API_KEY": "b"}
ENVIRONMENT |= {"AISERVICE_API_BASE": "http://127.0.0.1:1", "AISERVICE_API_KEY": "c"}


ROUTERS = json.loads((ROOT / "conf" / "gl_config.json").read_text("utf-8"))["routers"]


def shown():
    """Service, config file, the page's comments, and the fields that it sets."""
    blocks = blocks_by_name(ROOT / "docs" / "configuration.md")
    for name, text in blocks.items():
        if name.startswith("router "):
            yield pytest.param(*GL, {"routers": [*ROUTERS, json.loads(text)]}, id=name)
    yield pytest.param(*COUNTER, json.loads(blocks["caps"]), id="caps")
    for name in ("record_log", "logger"):
        yield pytest.param(*GL, json.loads(blocks_by_name(ROOT / "docs" / "records.md")[name]), id=name)


@pytest.mark.parametrize(("module", "file", "fields"), list(shown()))
def test_it_is_valid(module, file, fields, tmp_path):
    """The service's own validation of the whole file reports that it is valid, and nothing else."""
    values = json.loads((ROOT / "conf" / file).read_text("utf-8"))
    done = subprocess.run(
        [sys.executable, "-m", module, "--validate"],
        input=json.dumps(values | fields),
        env=environment_of(tmp_path, ENVIRONMENT),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["msg"] for line in said if line["level"] != "INFO"] == []
    assert said[-1]["msg"] == "config is valid"


def test_there_are_some():
    """Return the routers of the page, step by step, and the rest."""
    assert len(list(shown())) == 6
