"""The spans of what gl did for a call beside its attempts: processors, and the rating of a classifier. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gecholog import trace_context
from services.nats2log.traces import model_call, semantics
from services.nats2log.traces.fields import Fields, fields, interval, number, objects, text
from services.nats2log.traces.model_call import Attributes
from services.nats2log.traces.recorded_call import RecordedCall
from services.nats2log.traces.span import Kind, Span


def processor_spans(call: RecordedCall, section: Fields, side: str) -> Iterator[Span]:
    """The spans of the processors of a section, which is the `request` or the `response`, as `side` says."""
    for listed in ("processors", "processors_async"):
        for place, run in enumerate(objects(section.get(listed))):
            span = _processor_span(call, run, f"{side} {listed} {place}", is_async=listed == "processors_async")
            if span is not None:
                yield span


def _processor_span(call: RecordedCall, run: Fields, unique: str, *, is_async: bool) -> Span | None:
    details, name = fields(run.get("details")), text(run.get("name"))
    times = interval(details.get("timestamp"))
    if times is None:
        return None
    required, completed = (details.get(word) is True for word in ("required", "completed"))
    failed = required and not completed
    attributes: Attributes = {
        semantics.PROCESSOR: name,
        semantics.PROCESSOR_REQUIRED: required,
        semantics.PROCESSOR_COMPLETED: completed,
        semantics.PROCESSOR_ASYNC: is_async,
        **({semantics.ERROR_TYPE: semantics.OTHER_ERROR} if failed else {}),
    }
    return Span(
        f"processor {name}",
        Kind.INTERNAL,
        call.trace_id,
        trace_context.span_id_of(call.record_id, unique),
        call.span_id,
        *times,
        attributes,
        "a required processor did not complete" if failed else None,
        flags=call.flags,
    )


def classifier_spans(call: RecordedCall) -> Iterator[Span]:
    """The span of the call of a model that gl made itself, to rate the request; none if it did not."""
    rated = fields(call.request.get("classifier"))
    times = interval(rated.get("timer"))
    if times is None:
        return
    provider, _, model = text(rated.get("model")).partition("/")
    error = text(rated.get("error")) or None
    attributes: Attributes = {
        semantics.OPERATION: semantics.CHAT,
        semantics.PROVIDER: semantics.PROVIDERS_BY_NAME.get(provider, provider),
        semantics.REQUEST_MODEL: model,
        **model_call.usage(fields(rated.get("usage")), fields(rated.get("cost"))),
        **({} if error is None else {semantics.ERROR_TYPE: semantics.OTHER_ERROR}),
    }
    if (rating := number(rated.get("rating"))) is not None:
        attributes[semantics.RATING] = rating
    yield Span(
        f"{semantics.CHAT} {model}".strip(),
        Kind.CLIENT,
        call.trace_id,
        trace_context.span_id_of(call.record_id, "classifier"),
        call.span_id,
        *times,
        attributes,
        error,
        flags=call.flags,
    )
