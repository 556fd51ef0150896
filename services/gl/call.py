"""One call on its way through the stages: what came, what is known of it so far, what goes out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from time import monotonic_ns
from typing import TYPE_CHECKING, TypeVar

from gecholog.headers import Headers, Unmet
from gecholog.record import Fields
from gecholog.timer import MonotonicNs
from services.gl.errors import format_for
from services.gl.record.section import RecordSection
from services.gl.record.usage import NO_USAGE

if TYPE_CHECKING:
    from gecholog.llm import Usage
    from gecholog.rawjson import Raw
    from gecholog.session import Ids
    from services.gl.attempt import Attempt, Candidate
    from services.gl.capture import BodyCapture
    from services.gl.client_body import ClientBody
    from services.gl.config import Config
    from services.gl.errors import ErrorFormat
    from services.gl.http import Request, Responder, Response
    from services.gl.processor_chain import ProcessorRows
    from services.gl.query import Pairs
    from services.gl.record.snapshot import RecordSnapshot
    from services.gl.record.writer import RecordWriter
    from services.gl.responses import LocalResponse
    from services.gl.routing import Router

T = TypeVar("T")

# A record's id is unique, over all processes and their lives: this process's own part, and a number.
_BIRTH = os.urandom(8)
_numbers = count(1)


@dataclass(slots=True)
class Egress:
    """What goes to the caller. `body` is None if the answer's own bytes pass through."""

    status: int
    headers: Headers
    body: bytes | None


class Call:
    """One call. Stages fill it in from top to bottom.

    What no stage has set yet is the class's own: to set everything at the beginning costs as much as a stage. Fields
    without a value are there once their stage has run.
    """

    # ingress
    query: Pairs = ()
    headers: Headers
    body: bytes = b""
    client: str = ""
    unmet: Unmet | None = None  # a header that the router asks for and that did not come
    outbound_offered: Headers  # that processors may change, and
    backpressure_budget_s: float = 3  # what it may still wait for large records of other calls, if it is large itself

    # outbound
    client_body: ClientBody | None = None  # of a call of a models router: what its model is put into
    own_response: LocalResponse | None = None  # gl has what was asked for
    candidates: tuple[Candidate, ...] = ()
    deadline: float | None = None  # of all attempts together, by the event loop's clock
    attempts: tuple[Attempt, ...] = ()  # all of them, and
    attempt: Attempt | None = None  # the last one
    outcomes: list[Fields] | None = None  # of the attempts, as the record lists them if there may be several
    sent: MonotonicNs = 0  # 0: not yet; `received` and `replied` as well

    # inbound
    response: Response | None = None
    received: MonotonicNs = 0
    inbound_headers: Headers
    inbound_body: bytes | None = None  # if it was held back, and
    egress_body: bytes | None = None  # what goes out then, unless a processor writes another
    max_parsed: int = 0  # bytes of the answer's body up to which it is read; set by `inbound.receive`
    fault: str = ""
    usage: Usage | None = None  # set with the body of the answer, and
    usage_shown: Raw = NO_USAGE  # how records and processors are told of it

    # egress
    own_headers: Headers  # that gl adds to the reply
    egress_offered: Headers  # that processors may change
    egress: Egress | None = None
    capture: BodyCapture | None = None  # of what the target sends, and
    egress_capture: BodyCapture | None = None  # of what goes out, if the transform makes another body of it
    replied: MonotonicNs = 0
    is_recorded: bool = True
    snapshot: RecordSnapshot | None = None

    def __init__(self, config: Config, request: Request, responder: Responder, router: Router, ids: Ids) -> None:
        """A call that has just come in."""
        self.started = monotonic_ns()
        self.config = config
        self.request = request
        self.responder = responder
        self.router = router
        self.ids = ids
        self.record_id = _BIRTH + next(_numbers).to_bytes(8)
        self.subpath = request.path[len(router.path) :]
        # The request section of the record, as all attempts begin with it; `begin` goes on with the attempt's own.
        self.request_base = self.request_section = RecordSection()
        self.response_section = RecordSection()
        self.target_router = router  # where the call went last; before that its own

    @property
    def error_format(self) -> ErrorFormat:
        """How this client is told of errors."""
        return format_for(self.router.errors or self.config.errors, self.request.path, self.request.headers)

    @property
    def record_writer(self) -> RecordWriter:
        """What serializes the record of this call."""
        return self.config.record_writer

    @property
    def token_count(self) -> dict[str, int] | None:
        """The record's `token_count` if gl writes it: no processor for the call's routers does."""
        if self.usage is None or not self.config.usage.token_count or "token_count" in self.response_section.fields:
            return None
        return None if self.config.response.counts_tokens(*self.router_paths) else self.usage.counts()

    @property
    def router_paths(self) -> tuple[str, str]:
        """The paths of the routers that the call has to do with: its own, and the one that it goes to."""
        return self.router.path, self.target_router.path

    @property
    def rows_before_reply(self) -> ProcessorRows:
        """The synchronous response processors of this call."""
        return self.config.response.rows_for_routers(*self.router_paths)

    def required_attempt(self) -> Attempt:
        """The last attempt, which `attempts.run` adds."""
        return _there(self.attempt)

    def required_response(self) -> Response:
        """The answer, which `attempts.run` sets."""
        return _there(self.response)

    def required_egress(self) -> Egress:
        """The reply, which `egress.prepare` sets."""
        return _there(self.egress)

    def begin(self, attempt: Attempt) -> None:
        """Go where this attempt goes. The record tells of it from now on."""
        self.attempts += (attempt,)
        self.attempt, self.target_router, self.request_section = attempt, attempt.candidate.router, attempt.section

    def revise(self, attempt: Attempt) -> None:
        """Put this attempt in place of the last one, which was not made."""
        self.attempts = self.attempts[:-1]
        self.begin(attempt)

    def mark_sent(self) -> None:
        """All is ready: the call leaves for the target now, or is answered here."""
        self.sent = monotonic_ns()

    def mark_received(self) -> None:
        """The answer is here, all of it."""
        self.received = monotonic_ns()

    def mark_replied(self) -> None:
        """The caller has the reply, or will never have it."""
        self.replied = self.replied or monotonic_ns()


def _there(value: T | None) -> T:
    if value is None:
        raise RuntimeError("a stage ran before the one that it builds on")
    return value
