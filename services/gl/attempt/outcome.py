"""The outcome of an attempt, and how the record lists it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gecholog.timer import span

if TYPE_CHECKING:
    from gecholog.record import Fields
    from gecholog.timer import MonotonicNs
    from services.gl.attempt.attempt import Attempt


class AttemptOutcome(NamedTuple):
    """The outcome of an attempt: the status of the response, and the error if there is no answer in it.

    `retry_after` is the header of a response that failed. It is listed because the response may be discarded.
    """

    status: int = 0
    error: str = ""
    retry_after: str | None = None

    @property
    def reason(self) -> str:
        """Why the attempt failed, in a few words."""
        return self.error or f"status {self.status}"


BROKEN_OFF = AttemptOutcome(error="broken off")
"""The client disconnected during the attempt."""


def listed(attempt: Attempt, outcome: AttemptOutcome, start: MonotonicNs, stop: MonotonicNs) -> Fields:
    """The attempt as an item of `request.attempts` in the record."""
    candidate = attempt.candidate
    fields: Fields = {"gl_path": candidate.router.path, "url": attempt.url}
    if candidate.provider is not None:
        fields["provider"] = candidate.provider.name
        fields["model"] = candidate.model
    if outcome.status:
        fields["status_code"] = outcome.status
    if outcome.error:
        fields["error"] = outcome.error
    if outcome.retry_after is not None:
        fields["retry_after"] = outcome.retry_after
    fields["timer"] = span(start, stop)
    return fields
