"""Gemini's generateContent as a dialect of chats, for providers."""

from __future__ import annotations

from gecholog.llm.chat_dialect import ChatDialect
from gecholog.llm.dialects.gemini.errors import read_error
from gecholog.llm.dialects.gemini.names import NAME
from gecholog.llm.dialects.gemini.parts import has_calls
from gecholog.llm.dialects.gemini.request_writer import write_request
from gecholog.llm.dialects.gemini.response_reader import read_response
from gecholog.llm.dialects.gemini.stream_reader import GeminiStreamReader
from gecholog.llm.event import exact_where

CHAT = ChatDialect(
    name=NAME,
    write_request=write_request,
    read_response=read_response,
    stream_reader=GeminiStreamReader,
    read_error=read_error,
    load_event=exact_where(has_calls),  # their arguments are objects
)
