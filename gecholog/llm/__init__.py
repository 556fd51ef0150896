"""What LLM APIs send and answer: streams, texts, token usage. Pure: values in, values out, no I/O.

    is_stream        tell by the content type whether an answer is a stream of events
    looks_streamed   tell the same by the body, for one that is announced as something else
    begins_as_sse    tell it by the first bytes
    asks_for_stream  tell whether a request wants a stream
    fold             a stream that ended, as one object; None if no dialect knows it
    fold_array       the same for Gemini's JSON array of chunks, which arrives as plain `application/json`
    has_ended        tell whether a stream that broke off had come to its end mark
    awaits_usage     tell whether an OpenAI stream that was left had only its usage to come
    is_counted       tell whether a folded answer has token usage
    is_error         tell whether the `error` of one is an error
    accepts_include_usage  tell whether an upstream supports the request for the token usage of an OpenAI stream
    usage_request    add that request to a body
    UsageFilter      remove the chunk requested with `usage_request` from the stream to the client
    usage_of         the token usage in an answer, as one `Usage`, by the answer's shape
    usage_in         the same of a body of JSON, without decoding all of it
    search_body      the same, and whether it is JSON
    usage_at_ends    the same of a body of which only the first and the last bytes were kept
    usage_of_events  the same of the events of a stream that no dialect knows

A body becomes events by the decoder of its framing (`sse`, `json_lines`, `json_array`, `aws_event_stream`), the first
dialect of `dialects/table.py` that knows one of them folds them, one file a dialect; `accumulate` joins the pieces of
texts and lists. Another dialect is another file and its line in the table. `payload_text` finds the texts of payloads.
Nothing here raises on any bytes, and everything takes time linear in their number.
"""

from __future__ import annotations

from gecholog.llm.dialect import Answer, is_error
from gecholog.llm.ending import awaits_usage, has_ended
from gecholog.llm.folding import fold, fold_array
from gecholog.llm.framing import events_of, is_stream, looks_streamed
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
    "events_of",
    "fold",
    "fold_array",
    "has_ended",
    "is_counted",
    "is_error",
    "is_stream",
    "looks_streamed",
    "search_body",
    "usage_at_ends",
    "usage_in",
    "usage_of",
    "usage_of_events",
    "usage_request",
]
