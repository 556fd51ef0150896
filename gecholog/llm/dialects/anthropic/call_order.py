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
        self._arguments: list[str] = []
        self._complete: set[int] = set()
        self._waiting: list[Piece] = []

    def take(self, piece: Piece) -> list[Piece]:
        """Take the next piece; return those that may go on. White space after complete arguments is left out."""
        if piece.index in self._complete:
            return []
        if piece.index == self._open and isinstance(piece, ArgumentsDelta):
            self._arguments.append(piece.text)
            return [piece, *(self._next() if self._waiting and self._is_complete() else [])]
        if self._open is not None and (self._waiting or not self._is_complete()):
            self._waiting.append(piece)
            return []
        if not isinstance(piece, ToolCallStarted):
            return []  # of a call that has not begun
        self._begin(piece)
        return [piece]

    def flush(self) -> list[Piece]:
        """Return what was held back, at the end of all calls."""
        pieces: list[Piece] = []
        while self._waiting:
            pieces += self._next()
        return pieces

    def _begin(self, piece: ToolCallStarted) -> None:
        if self._open is not None:
            self._complete.add(self._open)
        self._open, self._arguments = piece.index, []

    def _next(self) -> list[Piece]:
        """What waited, up to the first piece that has to wait again."""
        if self._open is not None:
            self._complete.add(self._open)
        self._open = None
        waiting, self._waiting = self._waiting, []
        return [passed for piece in waiting for passed in self.take(piece)]

    def _is_complete(self) -> bool:
        written = "".join(self._arguments)
        if not written.rstrip().endswith("}"):
            return False
        try:
            json_text.loads(written)
        except NotJson:
            return False
        return True
