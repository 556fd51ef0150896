"""Counts calls. The objects of the series of a call are looked up once, all together, because each look-up costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gecholog.metrics.instruments import Instruments
from services.gl.metrics import names
from services.gl.metrics.model_labels import OTHER, ModelLabels, Seller
from services.gl.responses.response import LocalResponse

if TYPE_CHECKING:
    from gecholog.llm import Usage
    from gecholog.metrics.instruments import Buckets, Cell
    from gecholog.metrics.snapshot import Snapshot
    from gecholog.record import Fields
    from services.gl.call import Call
    from services.gl.candidates.candidate import Candidate
    from services.gl.config import Config

CLIENT_LEFT = 499
"""The status of a call whose client left before there was a reply, as nginx calls it."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_MOST_OWNERS = 1000
_MOST_CANDIDATES = 4000


class _CallSeries(NamedTuple):
    """The series that count calls of one kind."""

    requests: Cell
    http: Cell
    duration: Buckets
    overhead: Buckets
    upstream: Buckets
    first_chunk: Buckets


class _TokenSeries(NamedTuple):
    """The series that count tokens of one model; the first three are those of llm-gateway."""

    all_prompt: Cell
    all_completion: Cell
    total: Cell
    prompt: Cell
    completion: Cell
    cached: Cell
    cache_creation: Cell
    reasoning: Cell


class _SellerSeries:
    """The series of one seller and model: for calls by method, router and status, for attempts by status."""

    __slots__ = ("attempts", "calls", "cost", "model", "provider", "tokens")

    def __init__(self, provider: str, model: str, tokens: _TokenSeries, cost: Cell) -> None:
        self.provider = provider
        self.model = model
        self.tokens = tokens
        self.cost = cost
        self.calls: dict[tuple[str, str, object], _CallSeries] = {}
        self.attempts: dict[int, Cell] = {}


class CallMetrics:
    """The counters of one process. All of it runs in the event loop."""

    def __init__(self) -> None:
        self._all = Instruments()
        made = self._all
        self._prompt, self._completion = made.counter(names.PROMPT_TOKENS), made.counter(names.COMPLETION_TOKENS)
        self._total, self._http = made.counter(names.TOTAL_TOKENS), made.counter(names.HTTP_REQUESTS)
        self._requests, self._tokens = made.counter(names.REQUESTS), made.counter(names.TOKENS)
        self._cost, self._attempts = made.counter(names.COST), made.counter(names.ATTEMPTS)
        self._limit_hits = made.counter(names.LIMIT_HITS)
        self._duration, self._overhead = made.histogram(names.DURATION), made.histogram(names.OVERHEAD)
        self._upstream, self._first_chunk = made.histogram(names.UPSTREAM), made.histogram(names.FIRST_CHUNK)
        self._processors = made.histogram(names.PROCESSOR)
        self._labels = ModelLabels()
        self._config: Config | None = None
        self._by_candidate: dict[int, tuple[Candidate, _SellerSeries]] = {}  # those of the config in force
        self._by_seller: dict[tuple[str, str], _SellerSeries] = {}
        self._owners: set[str] = set()

    def snapshot(self) -> Snapshot:
        """What was counted until now."""
        return self._all.snapshot()

    # ---------------------------------------------------------------- events

    def observe(self, call: Call) -> None:
        """Count a call that is over."""
        attempt, response = call.attempt, call.response
        seller = self._seller("", "") if attempt is None else self._of_candidate(attempt.candidate, call)
        status = call.response_section.fields.get("egress_status_code", CLIENT_LEFT)
        key = call.request.method, call.router.path, status
        series = seller.calls.get(key) or self._new_series(seller, *key)
        series.requests.value += 1
        series.http.value += 1
        whole, sent, received = call.replied - call.started, call.sent, call.received
        series.duration.observe(whole)
        if attempt is None or not sent or isinstance(response, LocalResponse):
            series.overhead.observe(whole)
        else:
            upstream = received - sent if received > sent else 0
            series.overhead.observe(whole - upstream if whole > upstream else 0)
            if upstream:
                series.upstream.observe(upstream)
            if (capture := call.capture) is not None and capture.began > sent:
                series.first_chunk.observe(capture.began - sent)
        if attempt is not None:
            self._count_attempts(call, seller)
        if (usage := call.usage) is not None:
            _count_tokens(seller.tokens, usage)
        if call.cost is not None:
            cost = seller.cost if call.key is None else self._cost.of(seller.model, seller.provider, self._owner(call))
            cost.value += call.cost.atto_usd

    def refused(self, method: str, status: int) -> None:
        """Count a request that belongs to no router; `method` is empty if the request could not be read."""
        self._requests.of(OTHER, "", "", str(status)).value += 1
        self._http.of(_method(method), OTHER).value += 1

    def processor_ran(self, name: str, nanoseconds: int, *, completed: bool) -> None:
        """Count a run of a processor."""
        self._processors.of(name, "completed" if completed else "failed").observe(nanoseconds)

    def limit_hit(self, kind: str) -> None:
        """Count a call that is refused because of a limit."""
        self._limit_hits.of(kind).value += 1

    def target_label(self, config: Config, key: str) -> str:
        """The label of a target, by the key of its circuit breaker: the path of a router, or `provider/model`."""
        provider, _, model = key.partition("/")
        if not provider:
            return key
        configured = config.models.providers.get(provider)
        seller = Seller(provider, "" if configured is None else configured.priced_as(model))
        return f"{provider}/{self._labels.label(config.models, config.prices, seller, model)}"

    # ----------------------------------------------------------------- parts

    def _of_candidate(self, candidate: Candidate, call: Call) -> _SellerSeries:
        """The series of a candidate. For the target of a plain router, the model is the one that its answer names."""
        config = call.config
        if candidate.provider is None:
            vendor = candidate.router.price_provider
            label = self._labels.label(config.models, config.prices, Seller("", vendor), call.answered_model)
            return self._seller(vendor, label)
        if config is not self._config or len(self._by_candidate) > _MOST_CANDIDATES:
            self._config = config
            self._by_candidate.clear()
        kept = self._by_candidate.get(id(candidate))  # comparing candidates costs more than all the rest
        if kept is not None and kept[0] is candidate:
            return kept[1]
        name = candidate.provider.name
        label = self._labels.label(config.models, config.prices, Seller(name, candidate.vendor), candidate.model)
        series = self._seller(name, label)
        self._by_candidate[id(candidate)] = candidate, series
        return series

    def _seller(self, provider: str, model: str) -> _SellerSeries:
        key = provider, model
        if (found := self._by_seller.get(key)) is None:
            counters = (self._prompt, self._completion, self._total)
            types = ("prompt", "completion", "cached", "cache_creation", "reasoning")
            tokens = _TokenSeries(
                *(counter.of(model, provider) for counter in counters),
                *(self._tokens.of(model, provider, one) for one in types),
            )
            found = self._by_seller[key] = _SellerSeries(provider, model, tokens, self._cost.of(model, provider, ""))
        return found

    def _new_series(self, seller: _SellerSeries, method: str, router: str, status: object) -> _CallSeries:
        target = router, seller.provider, seller.model
        series = _CallSeries(
            self._requests.of(*target, str(status)),
            self._http.of(_method(method), router),
            self._duration.of(*target),
            self._overhead.of(router),
            self._upstream.of(*target),
            self._first_chunk.of(*target),
        )
        if method in _METHODS:  # clients may send any number of others
            seller.calls[method, router, status] = series
        return series

    def _count_attempts(self, call: Call, seller: _SellerSeries) -> None:
        if call.outcomes is not None:
            for listed in call.outcomes:
                status = listed.get("status_code")
                if status in seller.attempts and "error" not in listed and listed.get("provider") == seller.provider:
                    seller.attempts[status].value += 1
                else:
                    self._count_listed(listed, seller)
            return
        response = call.response
        if call.fault or response is None:
            self._attempts.of(seller.provider, "failed" if call.fault else "abandoned").value += 1
        elif not isinstance(response, LocalResponse):  # else nothing was sent
            self._attempts.of(seller.provider, _of_status(response.status)).value += 1

    def _count_listed(self, listed: Fields, seller: _SellerSeries) -> None:
        """Count an attempt as the record lists it, and keep its series if it is the usual one of the seller."""
        provider, status = str(listed.get("provider", "")), listed.get("status_code")
        cell = self._attempts.of(provider, _outcome(listed))
        cell.value += 1
        if "error" not in listed and status is not None and provider == seller.provider:
            seller.attempts[status] = cell

    def _owner(self, call: Call) -> str:
        """The owner of the client key, if the config shows it."""
        if not call.config.metrics.client_names or call.key is None or not call.key.owner:
            return ""
        owner = call.key.owner
        if owner not in self._owners:
            if len(self._owners) >= _MOST_OWNERS:
                return OTHER
            self._owners.add(owner)
        return owner


def _count_tokens(series: _TokenSeries, usage: Usage) -> None:
    if prompt := usage.prompt_tokens:
        series.all_prompt.value += prompt
        series.prompt.value += prompt
    if completion := usage.completion_tokens:
        series.all_completion.value += completion
        series.completion.value += completion
    if usage.total_tokens:
        series.total.value += usage.total_tokens
    if usage.cached_tokens:
        series.cached.value += usage.cached_tokens
    if usage.cache_creation_tokens:
        series.cache_creation.value += usage.cache_creation_tokens
    if usage.reasoning_tokens:
        series.reasoning.value += usage.reasoning_tokens


def _method(method: str) -> str:
    return method if method in _METHODS else OTHER


def _outcome(listed: Fields) -> str:
    """The outcome of an attempt as the record lists it."""
    status = listed.get("status_code")
    if status is None:
        return "abandoned" if listed.get("error") == "broken off" else "failed"
    return "failed" if "error" in listed and status < _CLIENT_ERROR else _of_status(status)


def _of_status(status: int) -> str:
    if status < _CLIENT_ERROR:
        return "ok"
    return "client_error" if status < _SERVER_ERROR else "server_error"
