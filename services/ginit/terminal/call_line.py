"""The record of a call as one line for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.record import payload_of
from gecholog.shorten import shorten
from services.ginit.printable import printable
from services.ginit.terminal.log_line import clock

if TYPE_CHECKING:
    from services.ginit.terminal.palette import Palette

_LONGEST_PATH = 60  # characters
_FIRST_ERROR = 400  # statuses
_FIRST_SERVER_ERROR = 500


def call_line(record: bytes, palette: Palette) -> str | None:
    """`12:01:03 POST /dummy/v1/chat/completions 200 12 ms 17 tok` of a record as gl publishes it, or None.

    The duration is that of the whole call. The tokens follow, if they were counted, and the reason if the call failed.
    """
    try:
        fields = rawjson.loads(record)
        request, response, timer = fields["request"], fields["response"], fields["ingress_egress_timer"]
        path = f"{request['gl_path']}{request.get('ingress_subpath', '')}"
        status = response.get("egress_status_code", 0)
        parts = [
            palette.dim(clock(timer["start"])),
            f"{request.get('ingress_method', ''):4}",
            printable(shorten(path, _LONGEST_PATH)),
            _status(status, palette),
            f"{timer['duration']} ms",
        ]
    except (NotJson, LookupError, TypeError, AttributeError):
        return None
    if tokens := _tokens(response.get("token_count")) or _tokens(fields.get("usage")):
        parts.append(f"{tokens} tok")
    if reason := _reason(request, response, status):
        parts.append(palette.dim(printable(reason)))
    return " ".join(parts)


def _status(status: Any, palette: Palette) -> str:
    if not isinstance(status, int) or status >= _FIRST_SERVER_ERROR or not status:
        return palette.red(str(status or "-"))
    return palette.yellow(str(status)) if status >= _FIRST_ERROR else palette.green(str(status))


def _tokens(count: Any) -> int:
    """The total tokens of the call; 0 if neither the token counter nor gl has counted them."""
    if not isinstance(count, dict):
        return 0
    total = count.get("total_tokens")
    if isinstance(total, int):
        return total
    return sum(value for name, value in count.items() if name.endswith("_tokens") and isinstance(value, int))


def _reason(request: dict[str, Any], response: dict[str, Any], status: Any) -> str:
    """The first note of a call that did not end with a success."""
    if isinstance(status, int) and 0 < status < _FIRST_ERROR:
        return ""
    notes = [note for section in (response, request) for note in section.get("error") or () if isinstance(note, dict)]
    details = [str(note["details"]) for note in notes if note.get("details")]
    message = _error_message(payload_of(response, "egress_payload"))
    return next((text for text in details if text != f"status {status}"), message)


def _error_message(payload: Any) -> str:
    """The message of an error body in the format of OpenAI, Anthropic or gl itself; empty if there is none."""
    found = payload.get("error", payload.get("Error")) if isinstance(payload, dict) else None
    if isinstance(found, dict):
        found = found.get("message")
    return found if isinstance(found, str) else ""
