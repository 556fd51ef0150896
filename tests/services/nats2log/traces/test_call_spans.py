"""The spans of a record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import trace_context
from services.nats2log.traces import semantics
from services.nats2log.traces.call_spans import NoTimes, spans_of
from services.nats2log.traces.otlp_json import encode_span
from services.nats2log.traces.span import Kind
from tests.services.nats2log.traces.records import MS, PARENT, TRACE, URL, ZERO, failed_over, timer


def by_name(spans):
    return {span.name: span for span in spans}


def test_tree():
    """The call is below the client's span, everything else below the call, and times are those of the timers."""
    call, *others = spans_of(failed_over(), "r1")
    assert (call.name, call.kind, call.trace_id, call.parent_id) == ("POST /v1/", Kind.SERVER, TRACE, PARENT)
    assert (call.start, call.stop, call.error, call.state) == (ZERO, ZERO + 30 * MS, None, "a=1")
    names = ["processor filter", "processor tagger", "chat x", "chat gpt-x", "processor counter"]
    assert [span.name for span in others] == names
    assert {span.parent_id for span in others} == {call.span_id}
    assert {span.trace_id for span in others} == {TRACE}
    assert len({span.span_id for span in (call, *others)}) == 6


def test_payload_that_is_not_stored_again():
    """A record that names the payload of the request instead of storing it twice has the same spans."""
    record = failed_over()
    request = record["request"]
    request["ingress_payload"], request["unchanged"] = request.pop("outbound_payload"), ["outbound_payload"]
    assert spans_of(record, "r1", with_content=True) == spans_of(failed_over(), "r1", with_content=True)


def test_call():
    """The span of the call tells who called, and by which ids the record is found."""
    call, *_ = spans_of(failed_over(), "r1")
    assert call.attributes == {
        semantics.HTTP_ROUTE: "/v1/",
        semantics.URL_PATH: "/v1/chat/completions",
        semantics.HTTP_METHOD: "POST",
        semantics.CLIENT_ADDRESS: "192.0.2.1",
        semantics.SESSION_ID: "G_1_1_0",
        semantics.TRANSACTION_ID: "G_1_1_1",
        semantics.RECORD_ID: "r1",
        semantics.ROUTER: "/v1/",
        semantics.ATTEMPTS: 2,
        semantics.CLIENT_KEY: "k1",
        semantics.CLIENT_NAME: "app",
        semantics.CLIENT_OWNER: "team",
        semantics.CLIENT_TAGS: ("a", "b"),
        semantics.HTTP_STATUS: 200,
    }


def test_attempts():
    """A failed attempt tells why. The last one tells of the answer, and lasts until the answer was complete."""
    spans = by_name(spans_of(failed_over(), "r1"))
    first, last = spans["chat x"], spans["chat gpt-x"]
    assert (first.kind, first.error) == (Kind.CLIENT, "status 503")
    assert (first.start, first.stop) == (ZERO + 3 * MS, ZERO + 10 * MS)
    assert first.attributes[semantics.ERROR_TYPE] == "503"
    assert first.attributes[semantics.PROVIDER] == "azure.ai.openai"
    assert first.attributes[semantics.SERVER_PORT] == 8443
    assert semantics.INPUT_TOKENS not in first.attributes
    assert (last.error, last.start, last.stop) == (None, ZERO + 11 * MS, ZERO + 29 * MS)
    assert [(event.name, event.at) for event in last.events] == [(semantics.FIRST_CHUNK, ZERO + 21 * MS)]
    assert last.attributes == {
        semantics.OPERATION: "chat",
        semantics.PROVIDER: "openai",
        semantics.REQUEST_MODEL: "gpt-x",
        semantics.SERVER_ADDRESS: "api.openai.com",
        semantics.SERVER_PORT: 443,
        semantics.URL_FULL: URL,
        semantics.HTTP_METHOD: "POST",
        semantics.ROUTER: "/v1/",
        semantics.HTTP_RESEND_COUNT: 1,
        semantics.HTTP_STATUS: 200,
        semantics.REQUEST_MAX_TOKENS: 50,
        semantics.REQUEST_TEMPERATURE: 0.0,
        semantics.RESPONSE_MODEL: "gpt-x-2026",
        semantics.RESPONSE_ID: "chatcmpl-1",
        semantics.FINISH_REASONS: ("stop",),
        semantics.INPUT_TOKENS: 9,
        semantics.OUTPUT_TOKENS: 2,
        semantics.CACHE_READ_TOKENS: 4,
        semantics.USAGE_SOURCE: "provider",
        semantics.COST: 0.00025,
        semantics.STREAM_CHUNKS: 3,
        semantics.STREAM_COMPLETED: True,
    }


def test_content():
    """Prompts and answers are exported on request only."""
    plain = repr(spans_of(failed_over(), "r1"))
    assert "Be brief" not in plain
    assert "Hello" not in plain
    last = by_name(spans_of(failed_over(), "r1", with_content=True))["chat gpt-x"]
    assert last.attributes[semantics.INPUT_MESSAGES] == (
        '[{"role":"system","parts":[{"type":"text","content":"Be brief"}]},'
        '{"role":"user","parts":[{"type":"text","content":"Hello"}]}]'
    )
    answer = '[{"role":"assistant","parts":[{"type":"text","content":"Hi"}]}]'
    assert last.attributes[semantics.OUTPUT_MESSAGES] == answer


def test_no_trace_of_the_client():
    """A call whose client is in no trace begins one. A record that is delivered again has the same ids."""
    record = failed_over()
    record["request"]["ingress_headers"] = record["request"]["outbound_headers"] = {"Traceparent": ["garbage"]}
    call, *_ = spans = spans_of(record, "r1")
    assert (call.parent_id, call.trace_id, call.state) == ("", trace_context.trace_id_of("r1"), "")
    assert spans == spans_of(record, "r1")
    assert call.trace_id != spans_of(record, "r2")[0].trace_id


@pytest.mark.parametrize("received", [{}, {"Traceparent": [f"00-{TRACE}-{PARENT}-00"]}])
def test_span_of_gl_in_between(received):
    """If gl has sent another `traceparent` upstream, the last attempt is the span that the upstream knows."""
    record = failed_over()
    record["request"]["ingress_headers"] = received
    record["request"]["outbound_headers"] = {"Traceparent": [f"00-{TRACE}-{'a' * 16}-00"]}
    call, *others = spans_of(record, "r1")
    assert call.trace_id == TRACE
    assert by_name(others)["chat gpt-x"].span_id == "a" * 16
    assert by_name(others)["chat gpt-x"].parent_id == call.span_id


def test_one_attempt():
    """A call without a list of attempts has one, if something was sent."""
    record = failed_over()
    del record["request"]["attempts"]
    spans = by_name(spans_of(record, "r1"))
    assert (spans["chat gpt-x"].start, spans["chat gpt-x"].stop) == (ZERO + 11 * MS, ZERO + 29 * MS)
    assert spans["chat gpt-x"].attributes[semantics.HTTP_STATUS] == 200
    assert spans["POST /v1/"].attributes[semantics.ATTEMPTS] == 1
    record["request"]["url"] = ""
    assert [span.kind for span in spans_of(record, "r1")].count(Kind.CLIENT) == 0


def test_required_processor():
    """A required processor that did not complete is an error, another one is not."""
    record = failed_over()
    record["request"]["processors"][0]["details"]["completed"] = False
    spans = by_name(spans_of(record, "r1"))
    assert spans["processor filter"].error == "a required processor did not complete"
    assert spans["processor tagger"].error is None
    assert spans["processor counter"].attributes[semantics.PROCESSOR_ASYNC] is True


def test_classifier():
    """The rating of a classifier is a call of a model, with its own usage."""
    record = failed_over()
    used = {"source": "provider", "prompt_tokens": 100, "completion_tokens": 1}
    record["request"]["classifier"] = {"model": "azure/small", "rating": 7, "usage": used, "timer": timer(1, 3)}
    span = by_name(spans_of(record, "r1"))["chat small"]
    assert span.attributes[semantics.RATING] == 7
    assert span.attributes[semantics.INPUT_TOKENS] == 100
    assert span.attributes[semantics.PROVIDER] == "azure.ai.openai"


@pytest.mark.parametrize(("status", "error"), [(499, None), (500, "status 500"), (None, "the client got no reply")])
def test_error_of_the_call(status, error):
    """A status from 500 on is an error of the gateway's side, and so is no reply at all."""
    record = failed_over()
    record["response"]["egress_status_code"] = status
    assert spans_of(record, "r1")[0].error == error


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_processors_may_write_anything(data):
    """Whatever stands in the fields of a record, there are spans, or there is no time."""
    record = failed_over()
    for section in (record["request"], record["response"], record):
        for name in data.draw(st.sets(st.sampled_from(sorted(section)), max_size=4)):
            section[name] = data.draw(anything)
    try:
        spans = spans_of(record, "r1", with_content=True)
    except NoTimes:
        return
    for span in spans:
        assert span.start <= span.stop
        encode_span(span)


@pytest.mark.parametrize("record", [{}, [], 1, None, {"ingress_egress_timer": {"start": "x", "stop": "y"}}])
def test_not_a_record(record):
    """What has no timer of a call has no span."""
    with pytest.raises(NoTimes):
        spans_of(record, "r1")
