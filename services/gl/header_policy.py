"""Headers of messages that leave, for an upstream or a client; and what processors wrote, read back. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from gecholog import headers, rawjson
from gecholog.errors import NotJson
from gecholog.rawjson import Raw

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gecholog.headers import Headers
    from services.gl.config import Config
    from services.gl.record.section import RecordSection

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WRONG_FORM = "must be an object of name and list of values"


def plain(value: Any) -> Any:
    """A field's value, loaded if it is the raw JSON that a processor wrote; as it is if that cannot be loaded."""
    try:
        return rawjson.loads(value) if isinstance(value, Raw) else value
    except NotJson:  # nested too deeply: no field is meant to be
        return value


def body_of(value: Any) -> bytes:
    """The bytes of a payload that a processor wrote."""
    return bytes(value) if isinstance(value, Raw) else rawjson.dumps(value)


class OutgoingHeaders(NamedTuple):
    """Headers of a message that leaves: as sent, as the record shows them, and what was `removed` or `discarded`."""

    sent: Headers
    shown: Headers
    notes: dict[str, Headers]

    def without(self, names: frozenset[str]) -> OutgoingHeaders:
        """The same less some headers."""
        return OutgoingHeaders(headers.without(self.sent, names), headers.without(self.shown, names), self.notes)

    def removing(self, names: frozenset[str]) -> OutgoingHeaders:
        """The same less some headers, which `notes` tells with the others that were removed."""
        removed = self.notes.get("removed", {}).keys() | (self.sent.keys() & names)
        noted: dict[str, Headers] = {"removed": {name: [] for name in sorted(removed)}} if removed else {}
        return self.without(names)._replace(notes=self.notes | noted)

    def masking(self, names: frozenset[str]) -> OutgoingHeaders:
        """The same, with the values of some more headers masked in what the record shows."""
        return self._replace(shown=headers.masked(self.shown, names))

    def with_header(self, name: str, value: str) -> OutgoingHeaders:
        """The same with one header set to one value."""
        return OutgoingHeaders(self.sent | {name: [value]}, self.shown | {name: [value]}, self.notes)

    def without_encoding(self) -> OutgoingHeaders:
        """For a body that a processor wrote: it is not encoded, whatever the one was that came."""
        return self.without(frozenset({"Content-Encoding"}))


def headers_written(section: RecordSection, name: str) -> Headers | None:
    """The headers that a processor wrote into the field `name`; None if none did.

    If they have a wrong form, that is noted, and they count as no headers at all.
    """
    if name not in section.changed:
        return None
    try:
        return as_headers(plain(section.fields[name]))
    except ValueError as error:
        section.note(name, str(error))
        return {}


def outgoing_headers(
    written: Headers | None,
    offered: Headers,
    real: Headers,
    static: Headers,
    config: Config,
) -> OutgoingHeaders:
    """Headers of a message that leaves, the same as the record shows them, and notes of what was left out.

    `written` are the headers that a processor wrote, if any did, `offered` those that it was shown, `real` the headers
    that came, `static` those that are set whatever else is there. Masked headers keep the values that came, whatever a
    processor wrote; a static one wins over them.
    """
    notes: dict[str, Headers] = {}
    chosen = real
    if written is not None:
        kept = {name: values for name, values in real.items() if name in config.masked}
        chosen = headers.without(written, config.masked) | kept
        if lost := _lost(offered, written, static, config.masked):
            notes["discarded"] = lost
    if "Connection" in real and (options := headers.connection_options(real)):
        chosen = headers.without(chosen, options)  # before what is set here: that is not the caller's to take away
    if static:
        chosen = chosen | static
    if removed := chosen.keys() & config.removed:
        notes["removed"] = {name: [] for name in sorted(removed)}
    sent = headers.without(chosen, config.never_forwarded)
    return OutgoingHeaders(sent, headers.masked(sent, config.masked), notes)


def _lost(offered: Headers, written: Headers, static: Headers, masked: AbstractSet[str]) -> Headers:
    """What a processor left out. A masked header goes out all the same, and so does one that is set in any case."""
    lost = offered.keys() - written.keys()
    return {name: [headers.MASK] if name in masked else [] for name in lost if name in masked or name not in static}


def as_headers(value: Any) -> Headers:
    """Headers as a processor wrote them, names made canonical. Raises ValueError if they have a wrong form.

    None is as good as an empty object: Go writes it for one.
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
    """Tell whether `text` may stand behind a header's name: no control characters but tab (RFC 9110, section 5.5).

    Nor a lone surrogate, unless it stands for a byte (PEP 383): it could not be written.
    """
    if not isinstance(text, str) or _CONTROL.search(text):
        return False
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
