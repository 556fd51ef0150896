"""JSON with colours, as HTML with classes."""

from __future__ import annotations

from functools import cache

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import JsonLexer

_LARGEST = 300_000  # characters; larger texts are shown without colours, which takes long


@cache
def _formatter() -> HtmlFormatter:
    return HtmlFormatter(nowrap=True, classprefix="h-")


def json_html(text: str) -> Markup:
    """The text, escaped, with a `span` around each token."""
    if len(text) > _LARGEST:
        return Markup("{}").format(text)
    return Markup(highlight(text, JsonLexer(), _formatter()))  # noqa: S704 - Pygments escapes the text
