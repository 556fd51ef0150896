"""Knowledge of LLM APIs: streams, texts, token usage. Pure: values in, values out, no I/O.

    is_stream        tell by the content type whether a response is a stream of events
    looks_streamed   tell the same by the body, if the content type is another one
    begins_as_sse    tell it by the first bytes
    begins_as_stream  tell by both whether a body is a stream of any framing
    asks_for_stream  tell whether a request asks for a stream
    fold             fold a complete stream into one object; None if no dialect recognises it
    fold_array       the same for Gemini's JSON array of chunks, which arrives as plain `application/json`
    has_deep_event   tell whether an event cannot be read because it is nested too deep
    has_ended        tell whether a stream that broke off has its end mark
    awaits_usage     tell whether only the usage is missing of an OpenAI stream
    is_counted       tell whether a folded response has token usage
    is_error         tell whether the value of an `error` field is an error
    accepts_include_usage  tell whether an upstream supports the request for the token usage of an OpenAI stream
    usage_request    add that request to a body
    UsageFilter      remove the chunk requested with `usage_request` from the stream to the client
    usage_of         the token usage in a response, as one `Usage`, recognised by its shape
    usage_in         the usage in a JSON body, without decoding all of it
    search_body      the same, whether the body is JSON, and the model that it names
    model_of         the model that an answer names
    count_images     the number of images in an answer
    usage_at_ends    the usage in the first and the last bytes of a body
    usage_of_events  the usage in the events of a stream that no dialect recognises

The decoder of a body's framing (`sse`, `json_lines`, `json_array`, `aws_event_stream`) returns its events. The first
dialect in `dialects/table.py` that recognises one of them folds them; `accumulate` joins the pieces of texts and lists.
To add a dialect, add a module and a line in the table. `payload_text` finds the texts of payloads. No function raises
on any bytes, and all of them take linear time.
"""

from __future__ import annotations

from gecholog.llm.answer_model import model_of
from gecholog.llm.dialect import Answer, is_error
from gecholog.llm.ending import awaits_usage, has_ended
from gecholog.llm.folding import fold, fold_array, has_deep_event
from gecholog.llm.framing import begins_as_stream, events_of, is_stream, looks_streamed
from gecholog.llm.image_count import count_images
from gecholog.llm.include_usage import accepts_include_usage, usage_request
from gecholog.llm.request import HttpRequest, asks_for_stream
from gecholog.llm.sse import begins_as_sse
from gecholog.llm.usage import NONE, Usage, usage_of
from gecholog.llm.usage_fields import is_counted
from gecholog.llm.usage_filter import UsageFilter
from gecholog.llm.usage_search import END, search_body, usage_at_ends, usage_in, usage_of_events

__all__ = [
    "END",
    "NONE",
    "Answer",
    "HttpRequest",
    "Usage",
    "UsageFilter",
    "accepts_include_usage",
    "asks_for_stream",
    "awaits_usage",
    "begins_as_sse",
    "begins_as_stream",
    "count_images",
    "events_of",
    "fold",
    "fold_array",
    "has_deep_event",
    "has_ended",
    "is_counted",
    "is_error",
    "is_stream",
    "looks_streamed",
    "model_of",
    "search_body",
    "usage_at_ends",
    "usage_in",
    "usage_of",
    "usage_of_events",
    "usage_request",
]
