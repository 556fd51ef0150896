"""What a client key lets its calls do. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gecholog.glob import matches_any
from gecholog.shorten import shorten
from services.gl.errors import ErrorDetail, Refusal

if TYPE_CHECKING:
    from gecholog.keys import KeyEntry

_LONGEST_SHOWN = 128  # characters of a name in an error
_WRITING = frozenset({"POST", "PUT", "PATCH"})


def may_use_model(key: KeyEntry | None, name: str) -> bool:
    """Tell whether a client may ask for a model by this name. A client without a key may."""
    return key is None or key.models is None or matches_any(key.models, name)


_UNCHECKED = frozenset({"containers", "files", "uploads", "vector_stores"})  # nothing is generated there


def check_account(key: KeyEntry | None, method: str, path: str) -> None:
    """Raise Refusal if a request to a provider's account could get around the restrictions of a key.

    A batch or an assistant names its models in places that gl does not see. `path` is that of the endpoint.
    """
    if key is None or (key.models is None and key.max_output_tokens is None):
        return
    if method in _WRITING and path.partition("/")[0] not in _UNCHECKED:
        text = "the client key is limited to some models or to some output, which cannot be checked for this request"
        raise Refusal(403, text, detail=ErrorDetail(403, text, "model_not_allowed"))


def check_models(key: KeyEntry, names: Iterable[str]) -> None:
    """Raise Refusal if a client may not ask for one of these models, or if there is none of them to check."""
    if key.models is None:
        return
    names = tuple(names)
    if not names:
        text = "the client key may use some models only, and the request names none"
        raise Refusal(403, text, detail=ErrorDetail(403, text, "model_not_allowed", param="model"))
    for name in names:
        check_model(key, name)


def check_model(key: KeyEntry | None, name: str) -> None:
    """Raise Refusal if a client may not ask for a model by this name."""
    if not may_use_model(key, name):
        text = f"the client key may not use the model {shorten(name, _LONGEST_SHOWN)}"
        raise Refusal(403, text, detail=ErrorDetail(403, text, "model_not_allowed", param="model"))
