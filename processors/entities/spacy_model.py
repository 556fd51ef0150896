"""Recognises entities with spaCy, which the extra `entities` installs. Models are installed separately.

ENTITIES=processors.entities.spacy_model:load   SPACY_MODEL=en_core_web_sm
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from gecholog.plugins import environment_error, import_extra

_MODEL = "en_core_web_sm"  # as in the original


def load() -> Callable[[str], Iterator[tuple[str, str]]]:
    """Load the model in SPACY_MODEL: an installed package or a directory. Raises ConfigError."""
    spacy = import_extra("spacy", extra="entities")
    try:
        model = spacy.load(os.environ.get("SPACY_MODEL") or _MODEL)
    except OSError as error:
        raise environment_error("SPACY_MODEL", "must name a model of spaCy that is installed, or its folder") from error

    def recognize(text: str) -> Iterator[tuple[str, str]]:
        for start in range(0, len(text), model.max_length):  # spaCy rejects longer texts
            for entity in model(text[start : start + model.max_length]).ents:
                yield entity.text, entity.label_

    return recognize
