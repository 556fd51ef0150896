"""The error for a client whose upstream failed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gl.errors import NO_FREE_CONNECTION, ErrorDetail, Refusal

if TYPE_CHECKING:
    from services.gl.errors import UpstreamError
    from services.gl.routing.routers import Router

# Reasons that mean a time-out, and the field of that time-out in the router's config.
_TIME_OUTS = {
    "no answer in time": "first_byte",
    "no more data in time": "between_chunks",
    "no connection in time": "connect",
    NO_FREE_CONNECTION: "connect",
    "host name not resolved in time": "connect",
}
_REFUSED = "Connection refused"  # strerror(ECONNREFUSED)


def failure(router: Router, error: UpstreamError) -> Refusal:
    """The refusal of a call whose upstream could not be called, or broke off before anything was sent to the client."""
    return Refusal(error.status, "failure making request", detail=_detail(router, error))


def _detail(router: Router, error: UpstreamError) -> ErrorDetail:
    target = f"provider {router.provider}" if router.provider else f"target of {router.path}"
    if error.reason == _REFUSED:
        return ErrorDetail(error.status, f"{target} refused the connection", "upstream_error")
    field = _TIME_OUTS.get(error.reason)
    seconds = getattr(router.target.timeouts, field) if field else None
    if seconds is None:
        return ErrorDetail(error.status, f"{target} failed: {error.reason}", "upstream_error")
    what = error.reason.removesuffix(" in time")
    return ErrorDetail(error.status, f"{target}: {what} within {seconds * 1000:.0f} ms", "upstream_timeout")
