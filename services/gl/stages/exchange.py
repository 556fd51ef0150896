"""The exchange: the call is made, or answered in place of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog import rawjson
from services.gl.answers import LocalAnswer
from services.gl.call import UpstreamError
from services.gl.stages.outbound import body_of

if TYPE_CHECKING:
    from services.gl.call import Answer, Call, Lines, Outbound
    from services.gl.doors import Doors


async def send(call: Call, doors: Doors) -> None:
    """Get an answer: a processor's `control`, the echo of what would be sent, or the target's.

    A target that cannot be called is an answer as well: 502, 503 or 504.
    """
    outbound = call.outbound
    if outbound is None:
        raise RuntimeError("send comes after outbound.prepare")
    if "control" in call.request.fields:
        call.answer = LocalAnswer(200, body_of(call.request.fields["control"]))
    elif call.router.is_echo:
        call.answer = LocalAnswer(200, outbound.body, _lines(outbound), content_type=None)
    else:
        call.answer = await _target_answer(call, outbound, doors)


async def _target_answer(call: Call, outbound: Outbound, doors: Doors) -> Answer:
    try:
        return await doors.upstream.send(outbound)
    except UpstreamError as error:
        call.fault = error.reason
        doors.status.failed(error.reason)
        return LocalAnswer(error.status, rawjson.dumps({"error": "failure making request"}))


def _lines(outbound: Outbound) -> Lines:
    return [
        (name.encode("ascii"), value.encode("utf-8", "surrogateescape"))
        for name, values in outbound.headers.items()
        for value in values
    ]
