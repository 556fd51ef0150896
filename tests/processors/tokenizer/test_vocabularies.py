"""Tokenizers of models, with small vocabularies that the tests create: nothing is downloaded."""

import pytest

from gecholog.errors import ConfigError
from processors.tokenizer import vocabularies

EXTRA = "is not installed (the extra tokenizer)"
ENCODING = """
def small():
    ranks = {bytes([value]): value for value in range(256)} | {b"li": 256, b"za": 257, b"liza": 258, b"rd": 259}
    words = r"\\w+|\\W+"
    return {"name": "small_of_tests", "pat_str": words, "mergeable_ranks": ranks, "special_tokens": {"<|end|>": 260}}

ENCODING_CONSTRUCTORS = {"small_of_tests": small}
"""


def test_huggingface(tmp_path, monkeypatch):
    """The tokens of a model's tokenizer.json are counted, without those that only mark the beginning."""
    tokenizers = pytest.importorskip("tokenizers", reason=f"tokenizers {EXTRA}")
    made = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({"[UNK]": 0, "[CLS]": 1, "a": 2, "lizard": 3}, unk_token="[UNK]")
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 1)])
    made.enable_truncation(2)
    folder = tmp_path / "small-model"
    folder.mkdir()
    made.save(str(folder / "tokenizer.json"))
    monkeypatch.setenv("TOKENIZER_FILE", str(folder / "tokenizer.json"))
    count = vocabularies.huggingface()
    assert (count.name, count("a lizard a lizard!"), count("")) == ("small-model", 5, 0)


@pytest.mark.parametrize("text", ["", "{}", "no json"])
def test_huggingface_wrong_file(tmp_path, monkeypatch, text):
    """A file that is not a tokenizer is reported at the start."""
    pytest.importorskip("tokenizers", reason=f"tokenizers {EXTRA}")
    (tmp_path / "tokenizer.json").write_text(text)
    monkeypatch.setenv("TOKENIZER_FILE", str(tmp_path / "tokenizer.json"))
    with pytest.raises(ConfigError, match="TOKENIZER_FILE: must be a file that the library can read"):
        vocabularies.huggingface()


@pytest.mark.parametrize("name", ["", "/no/such/file"])
def test_huggingface_no_file(monkeypatch, name):
    """A missing file is reported at the start."""
    monkeypatch.setenv("TOKENIZER_FILE", name)
    with pytest.raises(ConfigError, match="TOKENIZER_FILE: must be the"):
        vocabularies.huggingface()


def test_tiktoken(tmp_path, monkeypatch):
    """An encoding is chosen by its name. Text that looks like a special token is counted as text."""
    pytest.importorskip("tiktoken", reason=f"tiktoken {EXTRA}")
    (tmp_path / "tiktoken_ext").mkdir()  # where the library looks for other encodings
    (tmp_path / "tiktoken_ext" / "of_tests.py").write_text(ENCODING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TIKTOKEN_ENCODING", "small_of_tests")
    count = vocabularies.tiktoken()
    assert (count.name, count("lizard"), count("<|end|>"), count("")) == ("small_of_tests", 2, 7, 0)


def test_tiktoken_wrong_name(monkeypatch):
    """An unknown encoding is reported at the start."""
    pytest.importorskip("tiktoken", reason=f"tiktoken {EXTRA}")
    monkeypatch.setenv("TIKTOKEN_ENCODING", "no_such_encoding")
    with pytest.raises(ConfigError, match="TIKTOKEN_ENCODING: must name an encoding"):
        vocabularies.tiktoken()
