"""The body of a request that names a model. Pure."""

from __future__ import annotations

from typing import NamedTuple

from gecholog.llm import form, model_name


class ClientBody(NamedTuple):
    """A decoded body. `is_form`: it is a multipart upload, otherwise it should be JSON."""

    data: bytes
    content_type: str

    @property
    def is_form(self) -> bool:
        return self.content_type.lower().startswith("multipart/")

    @property
    def model(self) -> str | None:
        """The model that it names; empty if it names none, None if it cannot be parsed."""
        if self.is_form:
            return form.model_in_form(self.data, self.content_type)
        return model_name.model_in(self.data)
