"""Computes the headers of requests to upstreams and of replies, including those that processors wrote. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from gecholog import headers, rawjson
from gecholog.errors import NotJson
from gecholog.rawjson import Raw

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gecholog.headers import Headers
    from services.gl.headers.rules import HeaderRules
    from services.gl.record.section import RecordSection

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ENCODING = frozenset({"Content-Encoding"})
_WRONG_FORM = "must be an object of name and list of values"


def plain(value: Any) -> Any:
    """The value of a field, decoded if it is raw JSON of a processor. Returns `value` if it cannot be decoded."""
    try:
        return rawjson.loads(value) if isinstance(value, Raw) else value
    except NotJson:  # nested too deeply for any field
        return value


def body_of(value: Any) -> bytes:
    """The bytes of a payload that a processor wrote."""
    return bytes(value) if isinstance(value, Raw) else rawjson.dumps(value)


class OutgoingHeaders(NamedTuple):
    """Headers of an outgoing message: as sent, as recorded, and notes on removed and discarded ones."""

    sent: Headers
    shown: Headers
    notes: dict[str, Headers]

    def without(self, names: frozenset[str]) -> OutgoingHeaders:
        """Remove headers, without a note."""
        return OutgoingHeaders(headers.without(self.sent, names), headers.without(self.shown, names), self.notes)

    def with_header(self, name: str, value: str) -> OutgoingHeaders:
        """Set one header to one value."""
        return OutgoingHeaders(self.sent | {name: [value]}, self.shown | {name: [value]}, self.notes)

    def without_encoding(self) -> OutgoingHeaders:
        """Remove Content-Encoding: a body that was replaced is not encoded."""
        return self.without(_ENCODING) if "Content-Encoding" in self.sent else self


def headers_written(section: RecordSection, name: str) -> Headers | None:
    """The headers that a processor wrote to the field `name`; None if no processor did.

    If they have a wrong form, this is noted, and the result is empty.
    """
    if name not in section.changed:
        return None
    try:
        return as_headers(plain(section.fields[name]))
    except ValueError as error:
        section.note(name, str(error))
        return {}


def outgoing_headers(
    written: Headers | None, offered: Headers, real: Headers, static: Headers, rules: HeaderRules
) -> OutgoingHeaders:
    """Compute the headers of an outgoing message.

    `real` are the received headers, `offered` those that processors saw, `written` those that a processor wrote (None
    if none did), and `static` those that the config or gl sets. A masked header keeps its received value whatever a
    processor wrote. A static header takes precedence over all others.
    """
    notes: dict[str, Headers] = {}
    chosen = real
    if written is not None:
        kept = {name: values for name, values in real.items() if name in rules.masked}
        chosen = headers.without(written, rules.masked) | kept
        if lost := _lost(offered, written, static, rules.masked):
            notes["discarded"] = lost
    if "Connection" in real and (options := headers.connection_options(real)):
        chosen = headers.without(chosen, options)  # before `static`: a client cannot remove those
    if static:
        chosen = chosen | static
    removed = chosen.keys() & rules.removed
    sent = headers.without(chosen, rules.never_forwarded)
    if rules.withheld and not rules.withheld.isdisjoint(sent):
        removed |= sent.keys() & rules.withheld
        sent = headers.without(sent, rules.withheld)
    if removed:
        notes["removed"] = {name: [] for name in sorted(removed)}
    return OutgoingHeaders(sent, headers.masked(sent, rules.masked), notes)


def _lost(offered: Headers, written: Headers, static: Headers, masked: AbstractSet[str]) -> Headers:
    """The headers that a processor left out. Masked and static ones are still sent."""
    lost = offered.keys() - written.keys()
    return {name: [headers.MASK] if name in masked else [] for name in lost if name in masked or name not in static}


def as_headers(value: Any) -> Headers:
    """Parse headers that a processor wrote. Makes their names canonical. Raises ValueError if the form is wrong.

    None is an empty object: Go serializes an empty map as null.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(_WRONG_FORM)  # noqa: TRY004 - one error for all wrong forms
    result: Headers = {}
    for name, values in value.items():
        if not headers.is_name(name) or not isinstance(values, list) or not all(_is_value(text) for text in values):
            raise ValueError(_WRONG_FORM)
        result.setdefault(headers.canonical(name), []).extend(values)
    return result


def _is_value(text: Any) -> bool:
    """Tell whether `text` is a valid header value: no control characters except tab (RFC 9110, section 5.5).

    It must not contain a lone surrogate either, unless that stands for a byte (PEP 383): it could not be encoded.
    """
    if not isinstance(text, str) or _CONTROL.search(text):
        return False
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
