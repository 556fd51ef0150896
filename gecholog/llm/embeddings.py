"""The neutral form of a request for embeddings, and of its answer. Pure values."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from gecholog.llm.usage import Usage


class EmbeddingsRequest(Struct, frozen=True):
    """Texts that are to become vectors. `dimensions` None: as many as the model has.

    `is_base64`: the client wants the vectors as float32 in base64. `hints` are fields that may be left out.
    """

    model: str
    texts: tuple[str, ...]
    dimensions: int | None = None
    is_base64: bool = False
    hints: dict[str, Any] = {}


class Embeddings(Struct, frozen=True):
    """A vector for each text, in their order."""

    vectors: tuple[list[float], ...]
    model: str = ""
    usage: Usage | None = None
