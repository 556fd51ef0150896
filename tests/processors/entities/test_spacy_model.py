"""Entities by spaCy, with a model that the test creates: nothing is downloaded."""

import warnings

import pytest

from gecholog.errors import ConfigError
from processors.entities import spacy_model

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries that it imports
    spacy = pytest.importorskip("spacy", reason="spacy is not installed (the extra entities)")


def test_model(tmp_path, monkeypatch):
    """The configured model's entities are found with its labels, in a text of any length."""
    model = spacy.blank("en")
    model.add_pipe("entity_ruler").add_patterns([{"label": "ORG", "pattern": "Microsoft"}])
    model.to_disk(tmp_path / "model")
    monkeypatch.setenv("SPACY_MODEL", str(tmp_path / "model"))
    recognize = spacy_model.load()
    assert list(recognize("Who founded Microsoft?")) == [("Microsoft", "ORG")]
    assert len(list(recognize("Microsoft " * 120_000))) >= 119_000


def test_no_model(monkeypatch):
    """A model that is not installed is reported at the start."""
    monkeypatch.setenv("SPACY_MODEL", "no_such_model_here")
    with pytest.raises(ConfigError, match="SPACY_MODEL: must name a model"):
        spacy_model.load()
