"""The examples of docs/importing.md are what the command makes of them."""

import json
from pathlib import Path

import pytest

from services.gl.import_config.__main__ import main
from tests.support.pages import blocks_by_name

PAGE = Path(__file__).parents[4] / "docs" / "importing.md"
BLOCKS = blocks_by_name(PAGE)


@pytest.mark.parametrize("name", ["llm-gateway.yml", "litellm.yaml", "gophergate.env"])
def test_examples(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("OPENAI_API_KEY", "SERVER_PORT", "LOG_LEVEL"):
        monkeypatch.delenv(variable, raising=False)
    Path(name).write_text(BLOCKS[name])
    assert main([name]) == 0
    shown = capsys.readouterr()
    stem = name.rpartition(".")[0]
    assert json.loads(shown.out) == json.loads(BLOCKS[f"{stem}.json"])
    assert shown.err.strip() == BLOCKS[f"{stem}.lost"].strip()
