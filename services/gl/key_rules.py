"""What a client key lets its calls do. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.glob import matches_any
from gecholog.shorten import shorten
from services.gl.errors import ErrorDetail, Refusal

if TYPE_CHECKING:
    from gecholog.keys import KeyEntry

_LONGEST_SHOWN = 128  # characters of a name in an error


def may_use_model(key: KeyEntry | None, name: str) -> bool:
    """Tell whether a client may ask for a model by this name. A client without a key may."""
    return key is None or key.models is None or matches_any(key.models, name)


def check_model(key: KeyEntry | None, name: str) -> None:
    """Raise Refusal if a client may not ask for a model by this name."""
    if not may_use_model(key, name):
        text = f"the client key may not use the model {shorten(name, _LONGEST_SHOWN)}"
        raise Refusal(403, text, detail=ErrorDetail(403, text, "model_not_allowed", param="model"))
