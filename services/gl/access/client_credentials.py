"""Client keys in the head of a request: where they are, and what is left of the head without them. Pure.

A client key is a credential of this gateway. It is never forwarded and never recorded, on whatever router, so whatever
has one in it is removed before anything else reads the head.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from gecholog import headers
from gecholog.headers import MASK
from gecholog.keys.credential import ID_LENGTH, PREFIX, SECRET_LENGTH
from gecholog.keys.masking import hides_key, masked_encoded
from services.gl.routing.query import Pair, Pairs

if TYPE_CHECKING:
    from gecholog.headers import Headers

_AUTHORIZATION = "Authorization"
_BEARER = "bearer"
_USUAL = f"Bearer {PREFIX}"
_BEHIND_SCHEME = len(_BEARER) + 1
_IN_AUTHORIZATION = frozenset({_AUTHORIZATION})
_PLAIN_PLACES = ("X-Api-Key", "Api-Key", "X-Goog-Api-Key")
_PARAMETER = "key"
# A key as the name of a header, which is compared without case: a part of it, in canonical names, and all of it.
_IN_NAME = PREFIX.title()[1:]
_KEY_AS_NAME = re.compile(rf"{PREFIX}[a-z0-9]{{{ID_LENGTH}}}-[a-z0-9_-]{{{SECRET_LENGTH}}}", re.IGNORECASE)
_PATH_SAFE = "/:@!$&'()*+,;=-._~%"


class ClientCredentials(NamedTuple):
    """The client key of a request, empty if none is in its place, and the headers and parameters to remove.

    `names` are those of the headers that have a key in their name.
    """

    key: str
    headers: frozenset[str]
    parameters: tuple[Pair, ...]
    names: tuple[str, ...] = ()

    def kept_headers(self, received: Headers) -> Headers:
        """The headers without those that have a client key."""
        return headers.without(received, self.headers)

    def shown_headers(self, received: Headers) -> Headers:
        """The headers for the record: masks in place of values, and of names, that have a client key."""
        shown = headers.masked(received, self.headers)
        return {MASK if name in self.names else name: values for name, values in shown.items()} if self.names else shown

    def kept_query(self, pairs: Pairs) -> Pairs:
        """The query without the parameters that have a client key."""
        return tuple(pair for pair in pairs if pair not in self.parameters)

    def shown_query(self, pairs: Pairs) -> Pairs:
        """The query for the record: masks in place of client keys."""
        if not self.parameters:
            return pairs
        return tuple(
            Pair("", masked_encoded(pair.name) or pair.name, MASK) if pair in self.parameters else pair
            for pair in pairs
        )


def find(received: Headers, pairs: Pairs, is_foreign: Callable[[str], bool] | None = None) -> ClientCredentials | None:
    """The client key of a request, and everything in its head that looks like one; None if there is nothing.

    `is_foreign` tells whether a credential is a client key that does not have our format; None: all keys have it.
    """
    # one search for all values: most calls of routers without keys have none
    prefixes = "\0".join(map("".join, received.values())).count(PREFIX)
    named = _names_with_key(received) if _IN_NAME in "".join(received) else ()
    if not (pairs or is_foreign or named):
        if not prefixes:
            return None
        if prefixes == 1 and (key := _usual_key(received)):  # most calls with a key
            return ClientCredentials(key, _IN_AUTHORIZATION, ())
    names = [*named, *(name for name, values in received.items() for value in values if PREFIX in value)]
    parameters = [pair for pair in pairs if hides_key(pair.value) or hides_key(pair.name)] if pairs else []
    if not (names or parameters or is_foreign):
        return None
    key = _key_in(received, pairs)
    if not key and is_foreign is not None:
        for one in _credentials(received, pairs):
            if is_foreign(one.text):
                key = key or one.text
                names += [one.header] if one.header else []
                parameters += [pair for pair in pairs if pair.name == _PARAMETER and pair.value == one.text]
    if not names and not parameters:
        return None
    return ClientCredentials(key, frozenset(names), tuple(parameters), named)


def _names_with_key(received: Headers) -> tuple[str, ...]:
    return tuple(name for name in received if _KEY_AS_NAME.search(name))


def _key_in(received: Headers, pairs: Pairs) -> str:
    """The first credential that begins as a key of ours does; empty if none does."""
    usual = _usual_key(received)
    return usual or next((one.text for one in _credentials(received, pairs) if one.text.startswith(PREFIX)), "")


def _usual_key(received: Headers) -> str:
    """The key of ours that is the only value of `Authorization`, in the usual spelling; empty if there is none."""
    values = received.get(_AUTHORIZATION)
    if values is None or len(values) != 1 or not values[0].startswith(_USUAL):
        return ""
    return values[0][_BEHIND_SCHEME:].strip()


def has_any(received: Headers, pairs: Pairs) -> bool:
    """Tell whether a request has a credential of any sort."""
    return next(_credentials(received, pairs), None) is not None


class _Credential(NamedTuple):
    header: str  # empty: it is in the query
    text: str


def _credentials(received: Headers, pairs: Pairs) -> Iterator[_Credential]:
    """The credentials of a request, in the order of their precedence."""
    for value in received.get(_AUTHORIZATION, ()):
        scheme, _, token = value.partition(" ")
        if scheme.lower() == _BEARER:
            yield _Credential(_AUTHORIZATION, token.strip())
    for name in _PLAIN_PLACES:
        for value in received.get(name, ()):
            yield _Credential(name, value)
    for pair in pairs:
        if pair.name == _PARAMETER:
            yield _Credential("", pair.value)


def masked_path(path: str) -> str:
    """A percent-encoded path with masks in place of client keys; the same if it has none."""
    if PREFIX not in path and "%" not in path:  # most
        return path
    found = masked_encoded(path)
    return path if found is None else quote(found, safe=_PATH_SAFE)
