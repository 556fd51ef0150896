"""Brings the pieces of tool calls into an order in which one call is complete before the next one begins."""

from __future__ import annotations

from gecholog.errors import NotJson
from gecholog.llm import json_text
from gecholog.llm.deltas import ArgumentsDelta, ToolCallStarted

Piece = ToolCallStarted | ArgumentsDelta


class CallOrder:
    """Holds pieces back while another call is open. A call is complete when its arguments are JSON, or at the end."""

    def __init__(self) -> None:
        self._open: int | None = None
        self._arguments = ""  # of the open call
        self._complete: set[int] = set()
        self._waiting: dict[int, list[Piece]] = {}  # by calls, in their order

    def take(self, piece: Piece) -> list[Piece]:
        """Take the next piece; return those that may go on. White space after complete arguments is left out."""
        if piece.index in self._complete:
            return []
        if piece.index == self._open and isinstance(piece, ArgumentsDelta):
            self._arguments += piece.text
            passed: list[Piece] = [piece]
            while self._waiting and self._is_complete():
                passed += self._next()
            return passed
        if piece.index in self._waiting:
            self._waiting[piece.index].append(piece)
        elif isinstance(piece, ToolCallStarted):
            self._waiting[piece.index] = [piece]
            if self._open is None or (len(self._waiting) == 1 and self._is_complete()):
                return self._next()
        return []

    def flush(self) -> list[Piece]:
        """Return what was held back, at the end of all calls."""
        pieces: list[Piece] = []
        while self._waiting:
            pieces += self._next()
        return pieces

    def _next(self) -> list[Piece]:
        """Open the call that has waited longest. Returns its pieces."""
        if self._open is not None:
            self._complete.add(self._open)
        self._open = next(iter(self._waiting))
        pieces = self._waiting.pop(self._open)
        self._arguments = "".join(piece.text for piece in pieces if isinstance(piece, ArgumentsDelta))
        return pieces

    def _is_complete(self) -> bool:
        if not self._arguments.rstrip().endswith("}"):
            return False
        try:
            json_text.loads(self._arguments)
        except NotJson:
            return False
        return True
