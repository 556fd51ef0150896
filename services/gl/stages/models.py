"""Models: resolves the model that a request names to models of providers."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gecholog import rawjson
from gecholog.glob import matches_any
from gecholog.llm.last_user_text import last_user_text
from gecholog.shorten import shorten
from services.gl.access import key_rules
from services.gl.access.local_client import is_local_call
from services.gl.bodies.client_body import ClientBody
from services.gl.call_candidates import chosen_router
from services.gl.candidates.candidate import Candidate
from services.gl.candidates.table import takes
from services.gl.classifier import call_rating, classifier
from services.gl.config.config import OPEN
from services.gl.errors import ErrorDetail, Refusal
from services.gl.headers.policy import plain
from services.gl.models import listing
from services.gl.models.endpoint import COUNT_TOKENS, Endpoint, Kind, endpoint_of, has
from services.gl.models.model import Model
from services.gl.models.ordering import StrategyInputs
from services.gl.models.provider import Dialect, Provider
from services.gl.models.resolving import Choice, next_classifier, resolve
from services.gl.models.target import ProviderModel
from services.gl.responses.response import LocalResponse
from services.gl.routing.routers import Action
from services.gl.sending import model_request
from services.gl.usage import count_tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.models.registry import Registry
    from services.gl.routing.routers import Router

_LONGEST_SHOWN = 128  # characters of a name in an error
_PAUSE_S = 5  # Retry-After for a client while there is no token
_STARTED = int(time.time())
_OF_MODELS, _NAMES_A_MODEL = Action.MODELS, Kind.MODEL  # looking up an enum member costs time in every call


def resolve_model(call: Call, deps: Dependencies) -> Awaitable[None] | None:
    """Set the candidates of a call on a router of models. Raises Refusal if there are none."""
    router = chosen_router(call)
    if router.action is not _OF_MODELS or "control" in call.request_base.fields:
        return None
    return _resolve(call, router, deps)


async def _resolve(call: Call, router: Router, deps: Dependencies) -> None:
    endpoint = endpoint_of(call.request.method, _subpath(call))
    if endpoint is None:
        raise _refusal(404, f"no endpoint {_shown(_subpath(call))} for {call.request.method}", "unknown_endpoint")
    if endpoint.kind is not _NAMES_A_MODEL:
        await _resolve_other(call, router, endpoint, deps)
        return
    body = call.client_body = await model_request.body_of_call(call, deps.unpacked)
    name = _required_name(body, await model_request.named_model(body))
    call.request_base.fields["model"] = name
    key_rules.check_model(call.key, name)
    candidates = call.config.candidates.of_name(router, name, endpoint)
    if not candidates or not _may_use_keys(call):
        candidates = await _candidates(call, router, name, endpoint, deps)
    call.candidates = candidates
    if endpoint.path == COUNT_TOKENS and candidates[0].is_translated:
        call.own_response = await count_tokens.estimated(body, endpoint)


async def _resolve_other(call: Call, router: Router, endpoint: Endpoint, deps: Dependencies) -> None:
    """Set the response to a request for models or usage, or the candidate for one about what a provider keeps."""
    if endpoint.kind is Kind.LIST:
        call.own_response = _listed(call, router, endpoint)
        return
    if endpoint.kind is Kind.USAGE:
        call.own_response = LocalResponse(200, rawjson.dumps(deps.quotas.usage(call.limits, call.key)))
        return
    key_rules.check_account(call.key, call.request.method, endpoint.path)
    call.candidates = (_default(call, router, endpoint),)
    await _check_exposed(call, router, deps)
    call.client_body = ClientBody(call.body, "")  # forwarded unchanged


async def _candidates(
    call: Call, router: Router, name: str, endpoint: Endpoint, deps: Dependencies
) -> tuple[Candidate, ...]:
    """The candidates for a name that the client may use, in the order for this call. Raises Refusal without any."""
    choices = await _choices(call, router, name, deps)
    if not choices:
        raise _unknown(call, router, name)
    allowed = [choice for choice in choices if _may_use(call, choice.provider)]
    if not allowed:
        raise _not_local()
    taken = [choice for choice in allowed if takes(choice, endpoint)]
    if not taken:
        raise _unsupported(endpoint, allowed[0])
    found = (call.config.candidates.of_model(router, choice, endpoint) for choice in taken)
    candidates = tuple(candidate for candidate in found if candidate is not None)
    if not candidates:
        raise _not_ready(taken[0].provider)
    return candidates


def _subpath(call: Call) -> str:
    """The path below the router's path, as processors left it."""
    section = call.request_base
    if "outbound_subpath" in section.changed:
        written = plain(section.fields["outbound_subpath"])
        return written if isinstance(written, str) else ""
    return call.subpath


# ------------------------------------------------------------------ names


def _required_name(body: ClientBody, name: str | None) -> str:
    """The model that a request names, if it names one. Raises Refusal otherwise."""
    if name is None:
        what = "a form with a field model" if body.is_form else "a JSON object with a field model"
        raise _refusal(400, f"the body of the request cannot be read: it must be {what}")
    if not name:
        message = "the request names no model, or more than one: its body must have the field model once, a text"
        raise _refusal(400, message, "missing_required_parameter", "model")
    return name


async def _choices(call: Call, router: Router, name: str, deps: Dependencies) -> tuple[Choice, ...]:
    """The choices for a name that the router exposes. Calls the classifiers that they depend on."""
    if not matches_any(router.models, name):
        return ()
    registry = call.config.models
    match registry.meaning(name):
        case None:
            return ()
        case ProviderModel(provider, own_name):
            return (Choice(registry.providers[provider], own_name),)
    inputs = _StrategyInputs(call, deps)
    while (model := next_classifier(registry, name, inputs.fresh(), frozenset(inputs.ratings))) is not None:
        inputs.ratings[model.name] = await _rating(call, router, model, inputs, deps)
    return resolve(registry, name, inputs.fresh())


class _StrategyInputs:
    """The inputs of strategies for one call. They stay the same however often strategies read them."""

    def __init__(self, call: Call, deps: Dependencies) -> None:
        self.ratings: dict[str, int | None] = {}
        self._call = call
        self._deps = deps
        self._prompt: str | None = None
        self._turns: dict[str, int] = {}
        self._seed = random.random()  # noqa: S311 - a choice, no secret

    def prompt(self) -> str:
        if self._prompt is None:
            body = self._call.client_body
            self._prompt = "" if body is None or body.is_form else last_user_text(body.data)
        return self._prompt

    def fresh(self) -> StrategyInputs:
        """The inputs, with the sequence of random numbers restarted."""
        return StrategyInputs(
            prompt=self.prompt,
            turn=self._turn,
            draw=random.Random(self._seed).random,  # noqa: S311 - as above
            latency=self._deps.targets.latencies.get,
            rating=self.ratings.get,
        )

    def _turn(self, model: str) -> int:
        if model not in self._turns:
            self._turns[model] = self._deps.targets.call_counts.next(model)
        return self._turns[model]


async def _rating(call: Call, router: Router, model: Model, inputs: _StrategyInputs, deps: Dependencies) -> int | None:
    """The rating of the request by a model's classifier, or None. The record shows it."""
    rules = model.classifier
    if rules is None:
        return None
    raters = [
        candidate
        for choice in resolve(call.config.models, rules.model, StrategyInputs())
        if classifier.can_rate(choice.provider, choice.model)
        and (candidate := call.config.candidates.of_model(router, choice, classifier.CHAT)) is not None
    ]
    if not raters:
        call.request_base.note("classifier", f"{rules.model} cannot be called for a rating")
    allowed = [rater for rater in raters if rater.provider is not None and _may_use(call, rater.provider)]
    return await call_rating.rate(call, rules, allowed, inputs.prompt(), deps) if allowed else None


# ------------------------------------------------------------------ who may


def _may_use(call: Call, provider: Provider) -> bool:
    """Whether a client may use a provider's key: it is on this machine, or has a client key or the required headers.

    Otherwise the gateway would be an open relay, at its owner's cost. Only required headers of the client's own router
    count: those of a router that a processor chose are not checked.
    """
    return provider.dialect is Dialect.DUMMY or _may_use_keys(call)


def _may_use_keys(call: Call) -> bool:
    if call.key is not None or call.config.serves_everybody or call.router.required_headers:
        return True
    return is_local_call(call.router, call.request)


def _not_local() -> Refusal:
    message = (
        "the models of providers are only for programs on the gateway's own machine that call it by a local name such "
        "as localhost, not for requests of proxies or of web pages from elsewhere (see ingress.cors). To serve others, "
        f"let the router ask for client keys (ingress.keys), or start the gateway with {OPEN}=1"
    )
    return _refusal(403, message, "clients_not_local")


# ------------------------------------------------------------------ without a model


def _listed(call: Call, router: Router, endpoint: Endpoint) -> LocalResponse:
    """The models that the client may use."""
    registry, name = call.config.models, unquote(endpoint.path.partition("/")[2])
    may_use_all = _may_use_keys(call)

    def shown(one: str) -> bool:
        if not (matches_any(router.models, one) and key_rules.may_use_model(call.key, one)):
            return False
        return may_use_all or any(
            _may_use(call, choice.provider) for choice in resolve(registry, one, StrategyInputs())
        )

    if not name:
        return LocalResponse(200, rawjson.dumps(listing.listed(registry, _STARTED, shown)))
    found = listing.one(registry, name, _STARTED, shown)
    if found is None:
        raise _unknown(call, router, name)
    return LocalResponse(200, rawjson.dumps(found))


def _default(call: Call, router: Router, endpoint: Endpoint) -> Candidate:
    """The candidate for a request that cannot name a model, such as a file upload."""
    registry: Registry = call.config.models
    provider = registry.providers.get(router.default_provider)
    if provider is None or (router.path, provider.name) not in call.config.provider_routers:
        why = f"provider {router.default_provider} is left out" if router.default_provider else "there is none"
        message = f"a request for {_shown(endpoint.path)} names no model and goes to outbound.default_provider: {why}"
        raise _refusal(400, message, "unsupported_endpoint")
    if not has(provider, endpoint, ""):
        raise _refusal(400, f"provider {provider.name} has no {_shown(endpoint.path)}", "unsupported_endpoint")
    if not _may_use(call, provider):
        raise _not_local()
    candidate = call.config.candidates.of_model(router, Choice(provider, ""), endpoint)
    if candidate is None:
        raise _not_ready(provider)
    return candidate


async def _check_exposed(call: Call, router: Router, deps: Dependencies) -> None:
    """Raise Refusal if a request to the default provider names a model that the router does not expose."""
    if "*" in router.models and (call.key is None or call.key.models is None):
        return
    body = await model_request.body_of_call(call, deps.unpacked)
    for name in await model_request.all_models(body):
        if not any(matches_any(router.models, one) for one in (name, f"{router.default_provider}/{name}")):
            raise _unknown(call, router, name)
        key_rules.check_model(call.key, name)


# ------------------------------------------------------------------ refusals


def _unknown(call: Call, router: Router, name: str) -> Refusal:
    close = call.config.models.close_to(name, lambda one: matches_any(router.models, one))
    hint = f"; close to it: {', '.join(close)}" if close else ""
    maker, _ = call.config.models.sellers(name)
    provider, slash, _ = name.partition("/")
    if maker:
        message = f"the model {_shown(name)} is of {maker}, and no provider for it is configured, or its key is not set"
    elif slash and provider not in call.config.models.providers:
        missing = f"there is no provider {_shown(provider)}, or its key is not set"
        message = f"the model {_shown(name)} does not exist: {missing}{hint}"
    else:
        message = f"the model {_shown(name)} does not exist, or its provider is not configured{hint}"
    return _refusal(404, message, "model_not_found", "model")


def _unsupported(endpoint: Endpoint, choice: Choice) -> Refusal:
    provider = choice.provider
    message = f"provider {provider.name} ({provider.dialect.value}) has no {endpoint.path} for the model {choice.model}"
    return _refusal(400, message, "unsupported_endpoint")


def _not_ready(provider: Provider) -> Refusal:
    issuer = "" if provider.identity is None else f" of {provider.identity.ISSUER}"
    message = f"provider {provider.name} cannot be called: there is no token{issuer} for it, see the log"
    detail = ErrorDetail(503, message, "provider_not_ready", retry_after=_PAUSE_S)
    return Refusal(503, message, detail=detail)


def _refusal(status: int, message: str, code: str | None = None, param: str | None = None) -> Refusal:
    return Refusal(status, message, detail=ErrorDetail(status, message, code, param=param))


def _shown(name: str) -> str:
    return shorten(name, _LONGEST_SHOWN)
