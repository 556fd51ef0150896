"""The body of a request that names a model. Pure."""

from __future__ import annotations

from functools import cached_property

from gecholog.llm import form
from gecholog.llm.model_name import NamedModel, find_model
from gecholog.llm.request import is_true, members


class ClientBody:
    """A decoded body. It is searched for the model once, which takes long for a large one."""

    def __init__(self, data: bytes, content_type: str) -> None:
        self.data = data
        self.content_type = content_type
        self.is_form = content_type.lower().startswith("multipart/")  # an upload; otherwise it should be JSON

    @property
    def model(self) -> str | None:
        """The model that it names; empty if it names none or several, None if it cannot be parsed."""
        if self.is_form:
            return form.model_in_form(self.data, self.content_type)
        return None if self._found is None else self._found.name

    @property
    def may_stream(self) -> bool:
        """Whether it may ask for a stream."""
        return self.is_form or self._found is None or self._found.may_stream

    @property
    def is_json(self) -> bool:
        """Whether it is known to be strict JSON, and is so as well with another model."""
        return not self.is_form and self._found is not None and self._found.is_json

    def with_model(self, model: str) -> bytes:
        """The body with another model; all other bytes stay."""
        if self.is_form:
            return form.with_model_in_form(self.data, self.content_type, model)
        return self.data if self._found is None else self._found.replaced(model)

    @cached_property
    def asks_for_stream(self) -> bool:
        """Whether its member `stream` is true."""
        found = members(self.data)
        return found is not None and is_true(bytes(found.stream))

    @cached_property
    def _found(self) -> NamedModel | None:
        return find_model(self.data)
