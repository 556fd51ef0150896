"""Vectors in answers of embedding models. Pure."""

from __future__ import annotations

from typing import Any

from gecholog.llm.errors import InvalidResponseError


def a_vector(value: Any) -> list[float]:
    """A list of numbers. Raises InvalidResponseError."""
    if not isinstance(value, list) or not all(
        isinstance(one, int | float) and not isinstance(one, bool) for one in value
    ):
        raise InvalidResponseError("an embedding is no list of numbers")
    return value


def in_number(vectors: list[list[float]], wanted: int) -> tuple[list[float], ...]:
    """The vectors, as many as there were texts. Raises InvalidResponseError."""
    if len(vectors) != wanted:
        raise InvalidResponseError(f"{len(vectors)} embeddings for {wanted} texts")
    return tuple(vectors)
