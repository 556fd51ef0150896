"""Query strings: the client's parameters, overwritten by those of the router. Pure.

A parameter keeps its raw text (`name=value`, still encoded) beside the decoded name and value, so that parameters that
nobody changed are forwarded byte for byte.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple
from urllib.parse import quote_plus, unquote_plus

from gecholog import headers

Parameters = dict[str, list[str]]


class Pair(NamedTuple):
    """One parameter: its raw text, its decoded name and its decoded value."""

    raw: str
    name: str
    value: str


Pairs = tuple[Pair, ...]


class Merged(NamedTuple):
    """The query to send, its parameters, and the router's parameters that replaced others."""

    raw: str
    parameters: Parameters
    overwritten: Parameters


def parse(raw: str) -> Pairs:
    """The parameters of a query. Only `&` separates them (WHATWG URL, section 5.1); empty pieces are skipped."""
    return tuple([_pair(piece) for piece in raw.split("&") if piece]) if raw else ()


def _pair(piece: str) -> Pair:
    name, _, value = piece.partition("=")
    return Pair(piece, unquote_plus(name), unquote_plus(value))


def parameters(pairs: Pairs) -> Parameters:
    """Name → values, in the order of the query."""
    result: Parameters = {}
    for pair in pairs:
        result.setdefault(pair.name, []).append(pair.value)
    return result


def encoded(values: Parameters) -> Pairs:
    """Encode parameters."""
    return tuple(
        Pair(f"{_encoded(name)}={_encoded(value)}", name, value) for name, many in values.items() for value in many
    )


def _encoded(text: str) -> str:
    return quote_plus(text.encode("utf-8", "replace"))


def merge(raw: str, given: Pairs, *layers: Pairs) -> Merged:
    """Overwrite the parameters in `given` with each layer (the query of the url, of the endpoint).

    `raw` is the text of `given`, which is returned as it is if the layers are empty.
    """
    if not any(layers):
        return Merged(raw, parameters(given) if given else {}, {})
    kept = given
    overwritten: Parameters = {}
    for layer in layers:
        if not layer:
            continue
        names = {pair.name for pair in layer}
        clashes = {pair.name for pair in kept} & names
        for pair in layer:
            if pair.name in clashes:
                overwritten.setdefault(pair.name, []).append(pair.value)
        kept = tuple(pair for pair in kept if pair.name not in names) + layer
    return Merged("&".join(pair.raw for pair in kept), parameters(kept), overwritten)


def masked(merged: Merged, names: AbstractSet[str]) -> Merged:
    """The query for the record: the values of the parameters in `names` are masked."""
    if not names or not merged.raw:
        return merged
    raw = "&".join(_masked(piece, names) for piece in merged.raw.split("&"))
    return Merged(raw, headers.masked(merged.parameters, names), headers.masked(merged.overwritten, names))


def _masked(piece: str, names: AbstractSet[str]) -> str:
    name = piece.partition("=")[0]
    return f"{name}={headers.MASK}" if unquote_plus(name) in names else piece


def discarded(before: Parameters, after: Parameters) -> Parameters:
    """The parameters in `before` that are not in `after`."""
    return {name: values for name, values in before.items() if name not in after}


def as_list(values: Parameters) -> list[dict[str, Any]]:
    """Parameters in the form that processors get: `[{"name", "details": [values]}]`."""
    return [{"name": name, "details": many} for name, many in values.items()]


def from_list(value: Any) -> Parameters:
    """Parse parameters that a processor wrote. Raises ValueError if they do not have the form of `as_list`.

    None is an empty list: Go serializes an empty list as null.
    """
    if value is None:
        return {}
    if not isinstance(value, list):
        raise ValueError("must be a list of {name, details}")  # noqa: TRY004 - one error for all wrong forms
    result: Parameters = {}
    for item in value:
        name, many = (item.get("name"), item.get("details")) if isinstance(item, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(many, list) or not all(isinstance(text, str) for text in many):
            raise ValueError("must be a list of {name, details}")
        result.setdefault(name, []).extend(many)
    return result
