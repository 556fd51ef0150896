"""Streamed answers of LLM APIs: folded into the one JSON object that an answer without streaming would have been. Pure.

    is_stream       tell by the content type whether an answer is a stream of events
    fold            a stream that ended, as one object; None if no dialect knows it
    fold_array      the same for Gemini's JSON array of chunks, which arrives as plain `application/json`
    usage_request   ask upstream for the token usage of an OpenAI stream
    UsageFilter     keep the chunk that was asked for with `usage_request` from the client

A body becomes events (`events.py`), the first dialect of `dialects.py` that knows one of them folds them, one file a
dialect; `growth.py` joins the pieces of texts and lists. Another dialect is another file and its line in `dialects.py`.
Nothing here raises on any bytes, and everything takes time linear in their number.
"""

from __future__ import annotations

from services.gl.streams.events import is_stream
from services.gl.streams.folding import fold, fold_array
from services.gl.streams.usage_filter import UsageFilter
from services.gl.streams.usage_question import usage_request

__all__ = ["UsageFilter", "fold", "fold_array", "is_stream", "usage_request"]
