"""Ollama's chat as a dialect of chats, for providers."""

from __future__ import annotations

from gecholog.llm.chat_dialect import ChatDialect
from gecholog.llm.dialects.ollama.message_writer import NAME
from gecholog.llm.dialects.ollama.request_writer import write_request
from gecholog.llm.dialects.ollama.response_reader import has_calls, read_response
from gecholog.llm.dialects.ollama.stream_reader import OllamaStreamReader
from gecholog.llm.error_body import error_of_any_shape
from gecholog.llm.event import exact_where

CHAT = ChatDialect(
    name=NAME,
    write_request=write_request,
    read_response=read_response,
    stream_reader=OllamaStreamReader,
    read_error=error_of_any_shape,
    load_event=exact_where(has_calls),  # their arguments are objects
)
