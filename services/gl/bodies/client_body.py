"""The body of a request that names a model. Pure."""

from __future__ import annotations

import re

from gecholog.llm import form
from gecholog.llm.model_name import NamedModel, find_model
from gecholog.llm.request import is_true, members

# How a form begins. Text may stand before its first delimiter (RFC 2046, section 5.1.1), but no client writes any, and
# a server that does not look at `Content-Type` would take it for JSON.
_FORM = re.compile(rb"[ \t\r\n]*--")


class ClientBody:
    """A decoded body. It is searched for the model once, which takes long for a large one.

    `is_form` is True for an upload. Everything else should be JSON, whatever its `Content-Type` says.
    """

    def __init__(self, data: bytes, content_type: str) -> None:
        self.data = data
        self.content_type = content_type
        self.is_form = content_type[:10].lower() == "multipart/" and _FORM.match(data) is not None
        self._is_searched = False
        self._found: NamedModel | None = None

    @property
    def model(self) -> str | None:
        """The model that it names; empty if it names none or several, None if it cannot be parsed."""
        if self.is_form:
            return form.model_in_form(self.data, self.content_type)
        found = self.named_model()
        return None if found is None else found.name

    def named_model(self) -> NamedModel | None:
        """The model in a JSON body; None for a form, and for a body that is no JSON object."""
        if not self._is_searched:
            self._found = None if self.is_form else find_model(self.data)
            self._is_searched = True
        return self._found

    @property
    def may_stream(self) -> bool:
        """Whether it may ask for a stream."""
        found = self.named_model()
        return found is None or found.may_stream

    @property
    def asks_for_stream(self) -> bool:
        """Whether its member `stream` is true."""
        if not self.may_stream:
            return False
        found = members(self.data)
        return found is not None and is_true(bytes(found.stream))
