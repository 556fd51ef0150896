"""Responses of gl in place of an upstream's: a processor's `control`, a list of models, or an echo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gl.models.address import CREDENTIALS
from services.gl.responses import control, echo
from services.gl.routing.routers import Action

if TYPE_CHECKING:
    from services.gl.attempt.attempt import Attempt
    from services.gl.call import Call
    from services.gl.responses.response import LocalResponse


_ECHO = Action.ECHO  # looking up an enum member costs time in every call


def response(call: Call, attempt: Attempt) -> LocalResponse | None:
    """The response to an attempt that is not sent to an upstream; None if it must be sent."""
    if "control" in attempt.section.fields:
        return control.response(attempt.section, call.config.masked)
    if call.own_response is not None:
        return call.own_response
    if call.router.action is _ECHO or attempt.candidate.router.action is _ECHO:
        of_provider = CREDENTIALS if attempt.candidate.provider is not None else frozenset()
        return echo.response(attempt.request, call.config.masked | of_provider)
    return None
