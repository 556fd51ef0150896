"""One call: its request, the state that the stages set, and its reply."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from time import monotonic_ns
from types import MappingProxyType
from typing import TYPE_CHECKING

from gecholog.headers import Headers, Unmet
from gecholog.quota.holds import NOTHING
from gecholog.record import Fields
from gecholog.timer import MonotonicNs
from services.gl.errors import format_for
from services.gl.quota.reservation import NO_RESERVATION
from services.gl.record.privacy import HIDDEN, strictest
from services.gl.record.section import RecordSection
from services.gl.record.usage import NO_USAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gecholog.keys import KeyEntry, OwnerEntry
    from gecholog.llm import Usage
    from gecholog.llm.chat import ChatRequest
    from gecholog.quota.holds import Held
    from gecholog.rawjson import Raw
    from gecholog.session import Ids
    from services.gl.attempt.attempt import Attempt, TranslatedRequest
    from services.gl.bodies.capture import BodyCapture
    from services.gl.bodies.client_body import ClientBody
    from services.gl.candidates.candidate import Candidate
    from services.gl.config import Config
    from services.gl.errors import ErrorFormat
    from services.gl.http import Request, Responder, Response
    from services.gl.processor_chain import ProcessorRows
    from services.gl.quota.call_limits import CallLimits
    from services.gl.quota.reservation import Reservation
    from services.gl.record.privacy import PayloadPrivacy
    from services.gl.record.snapshot import RecordSnapshot
    from services.gl.record.usage import Cost
    from services.gl.record.writer import RecordWriter
    from services.gl.responses.opened import Opened
    from services.gl.responses.response import LocalResponse
    from services.gl.routing.query import Pairs
    from services.gl.routing.routers import Router


class _RecordIds:
    """The ids of records, unique across processes and restarts: a random part of this process, and a number.

    Workers are forked. JetStream drops a record whose id it knows, so none may count on from where another one does.
    """

    def __init__(self) -> None:
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._process = os.urandom(8)
        self._numbers = count(1)

    def next(self) -> bytes:
        """A new id."""
        return self._process + next(self._numbers).to_bytes(8)


_record_ids = _RecordIds()
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_MAY_QUOTE = "not recorded, because it may quote a payload"
_TOO_EARLY = "a stage ran before the one that it builds on"


@dataclass(slots=True)
class Egress:
    """The reply to the client. `body` is None if the body of the response is passed through."""

    status: int
    headers: Headers
    body: bytes | None


class Call:
    """One call. Stages set its fields, from top to bottom.

    Defaults are class attributes, because setting all of them for each call would cost as much as a stage. A field
    without a default exists only after its stage has run.
    """

    # ingress
    query: Pairs = ()
    query_text: str = ""  # the same as it is forwarded
    headers: Headers
    body: bytes = b""  # perhaps a `Raw`: then it is also the payload of the record
    client_address: str = ""
    credential: str = ""  # the client key of the request
    key: KeyEntry | None = None  # the entry of that key, if the router checks keys and it is valid
    owner: OwnerEntry | None = None  # the owner of the key, if it has an entry
    privacy: PayloadPrivacy | None  # what the record shows of payloads, by the routers and the client key; None: all
    unmet: Unmet | None = None  # a required header that is missing or wrong
    outbound_offered: Headers  # the request headers as processors see them
    backpressure_budget_s: float = 3  # how long it may still wait for large records of other calls, if it is large

    # quotas
    limits: CallLimits | None = None  # None: its subjects have none
    is_admitted: bool = False  # and not ended yet
    reservation: Reservation = NO_RESERVATION
    held_beside: Held = NOTHING  # for a call of gl's own, to a classifier
    used_beside: Held = NOTHING  # by such calls
    is_settled: bool = False

    # outbound
    client_body: ClientBody | None = None  # on a router of models: the decoded body of the request
    own_response: LocalResponse | None = None  # of gl in place of an upstream, such as a list of models
    chat: ChatRequest | None = None  # the request in its neutral form, if it is translated
    translated: Mapping[str, TranslatedRequest] = MappingProxyType({})  # by the keys of the candidates
    candidates: tuple[Candidate, ...] = ()
    deadline: float | None = None  # of all attempts together, by the event loop's clock
    attempts: tuple[Attempt, ...] = ()
    attempt: Attempt | None = None  # the last of them
    outcomes: list[Fields] | None = None  # the outcomes of the attempts for the record, if there can be several
    sent: MonotonicNs = 0  # 0: not yet; the same for `received` and `replied`

    # inbound
    response: Response | None = None
    received: MonotonicNs = 0
    inbound_headers: Headers
    reply_headers: Headers  # the inbound headers, or those of the translated response
    reply_status: int = 0  # of the translated response; 0: the inbound status
    inbound_body: bytes | None = None  # if it was buffered
    egress_body: bytes | None = None  # `inbound_body` after the transform, unless a processor replaces it
    max_parsed: int = 0  # bytes of the response body up to which it is parsed; set by `inbound.receive`
    fault: str = ""
    opened: Opened | None = None  # what the beginning of a provider's response told; None: no more than its status
    usage: Usage | None = None  # set when the body of the response is recorded
    usage_shown: Raw = NO_USAGE  # the usage as JSON, for records and processors
    answered_model: str = ""  # the model that the response names
    cost: Cost | None = None  # of the usage; None if it is not known

    # egress
    own_headers: Headers  # headers that gl adds to the reply
    egress_offered: Headers  # the reply headers as processors see them
    egress: Egress | None = None
    capture: BodyCapture | None = None  # of the inbound body
    egress_capture: BodyCapture | None = None  # of the egress body, if a transform rewrites it
    replied: MonotonicNs = 0
    is_recorded: bool = True
    snapshot: RecordSnapshot | None = None

    def __init__(self, config: Config, request: Request, responder: Responder, router: Router, ids: Ids) -> None:
        """Begin a call."""
        self.started = monotonic_ns()
        self.config = config
        self.request = request
        self.responder = responder
        self.router = router
        self.ids = ids
        self.record_id = _record_ids.next()
        self.subpath = request.path[len(router.path) :]
        # The request section with which all attempts begin. `begin` sets `request_section` to the attempt's own.
        self.request_base = self.request_section = RecordSection()
        self.response_section = RecordSection()
        self.target_router = router  # the router of the last attempt; before that the call's own
        self.privacy = router.privacy

    @property
    def client_shown(self) -> Fields | None:
        """The field `client` of the record; None if the call has no client key."""
        return None if self.key is None else self.key.client

    @property
    def may_generate(self) -> bool:
        """Whether an upstream may generate something for the request: it has a body, or a method for one.

        The others read or delete what is there: the usage in their answers was that of an earlier request.
        """
        return self.request.method in _WITH_BODY or bool(self.body)

    @property
    def is_charged(self) -> bool:
        """Whether the tokens or the money of the call are limited."""
        return self.limits is not None and self.limits.accounts.counted is not None

    @property
    def cost_shown(self) -> Raw | None:
        """The cost as JSON, for the record."""
        return None if self.cost is None else self.cost.shown

    @property
    def error_format(self) -> ErrorFormat:
        """The format of errors for this client."""
        return format_for(self.router.errors or self.config.errors, self.request.path, self.request.headers)

    @property
    def record_writer(self) -> RecordWriter:
        """The serializer of the record of this call."""
        return self.config.record_writer

    @property
    def token_count(self) -> dict[str, int] | None:
        """The field `token_count`, if gl writes it: not if a processor of the call's routers does."""
        if self.usage is None or not self.config.usage.token_count or "token_count" in self.response_section.fields:
            return None
        return None if self.config.response.counts_tokens(*self.router_paths) else self.usage.counts()

    @property
    def router_paths(self) -> tuple[str, str]:
        """The paths of the call's routers: its own, and that of the last attempt."""
        return self.router.path, self.target_router.path

    @property
    def has_later_processors(self) -> bool:
        """Whether processors are asked after the reply: the record is final only then."""
        return self.attempt is not None and self.config.has_later_processors(*self.router_paths)

    def recorded_message(self, message: str) -> str:
        """What the record shows of an error message that may quote a payload: a provider's, or one about a field.

        It may quote a part of it only, in which patterns do not match.
        """
        return message if self.privacy is None or not message else _MAY_QUOTE

    @property
    def response_rows(self) -> ProcessorRows:
        """The synchronous response processors of this call."""
        return self.config.response.rows_for_routers(*self.router_paths)

    def required_attempt(self) -> Attempt:
        """The last attempt, which `attempts.run` adds."""
        if self.attempt is None:
            raise RuntimeError(_TOO_EARLY)
        return self.attempt

    def required_response(self) -> Response:
        """The answer, which `attempts.run` sets."""
        if self.response is None:
            raise RuntimeError(_TOO_EARLY)
        return self.response

    def required_egress(self) -> Egress:
        """The reply, which `egress.prepare` sets."""
        if self.egress is None:
            raise RuntimeError(_TOO_EARLY)
        return self.egress

    def outcome_status(self, response: Response) -> int:
        """The status by which the last attempt is judged: that of an error in a response with a status of success."""
        return response.status if self.opened is None else self.opened.status

    def identify(self, key: KeyEntry, owner: OwnerEntry | None) -> None:
        """Set the client key of the call, and its owner."""
        self.key, self.owner = key, owner
        self._set_privacy()

    def _set_privacy(self) -> None:
        hidden = HIDDEN if self.key is not None and not self.key.record_payloads else None
        self.privacy = strictest(self.router.privacy, self.target_router.privacy, hidden)

    def begin(self, attempt: Attempt) -> None:
        """Add an attempt. The record shows this one from now on."""
        self.attempts += (attempt,)
        self.attempt, self.request_section = attempt, attempt.section
        if attempt.candidate.router is not self.target_router:
            self.target_router = attempt.candidate.router
            self._set_privacy()

    def revise(self, attempt: Attempt) -> None:
        """Replace the last attempt, which was not sent, by this one."""
        self.attempts = self.attempts[:-1]
        self.begin(attempt)

    def mark_sent(self) -> None:
        """Set the time at which the request is sent, or answered by gl."""
        self.sent = monotonic_ns()

    def mark_received(self) -> None:
        """Set the time at which the whole response was received."""
        self.received = monotonic_ns()

    def mark_replied(self) -> None:
        """Set the time at which the reply was sent, or given up."""
        self.replied = self.replied or monotonic_ns()
