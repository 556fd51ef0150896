"""Colours of a terminal (ECMA-48, section 8.3.117: select graphic rendition)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Palette:
    """Wraps text in colours; returns it unchanged if `enabled` is false."""

    enabled: bool

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Palette:
        """Colours, unless the user has switched them off (https://no-color.org, or a terminal that has none)."""
        return cls(enabled=not environ.get("NO_COLOR") and environ.get("TERM") != "dumb")

    def red(self, text: str) -> str:
        return self._in("31", text)

    def green(self, text: str) -> str:
        return self._in("32", text)

    def yellow(self, text: str) -> str:
        return self._in("33", text)

    def dim(self, text: str) -> str:
        return self._in("2", text)

    def bold(self, text: str) -> str:
        return self._in("1", text)

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled and text else text
