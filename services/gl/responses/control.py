"""Control: the response that a request processor writes in place of the upstream's."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from gecholog import headers
from services.gl.headers.policy import as_headers, body_of, plain
from services.gl.responses.response import JSON, LocalResponse

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gecholog.headers import Headers
    from services.gl.record.section import RecordSection

_STATUSES = range(200, 600)
# Headers about the transfer of the body, which gl sets: the body that a processor wrote is JSON without an encoding.
_NOT_ITS_OWN = frozenset({"Content-Encoding", "Content-Length", "Transfer-Encoding"})


def response(section: RecordSection, masked: AbstractSet[str]) -> LocalResponse:
    """The response with `control` as body, `control_status_code` (default 200) and `control_headers`. Notes errors.

    A 205 has no body (RFC 9110, section 15.3.6); of 204 and 304 the server sends none.
    """
    chosen = _headers(section, masked)
    content_type = None if "Content-Type" in chosen else JSON
    status = _status(section)
    body = b"" if status == HTTPStatus.RESET_CONTENT else body_of(section.fields["control"])
    return LocalResponse(status, body, chosen, content_type)


def _status(section: RecordSection) -> int:
    status = plain(section.fields.get("control_status_code", 200))
    if isinstance(status, int) and not isinstance(status, bool) and status in _STATUSES:
        return status
    section.note("control_status_code", "must be a status from 200 to 599")
    return 200


def _headers(section: RecordSection, masked: AbstractSet[str]) -> Headers:
    """The headers that a processor may set. A string counts as a list of one value."""
    written = plain(section.fields.get("control_headers", {}))
    if isinstance(written, dict):
        written = {name: [values] if isinstance(values, str) else values for name, values in written.items()}
    try:
        return headers.without(as_headers(written), masked | _NOT_ITS_OWN)
    except ValueError as error:
        section.note("control_headers", str(error))
        return {}
