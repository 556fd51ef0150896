"""Cohere's chat as a dialect of chats, for providers."""

from __future__ import annotations

from gecholog.llm.chat_dialect import ChatDialect
from gecholog.llm.dialects.cohere.message_writer import NAME
from gecholog.llm.dialects.cohere.request_writer import write_request
from gecholog.llm.dialects.cohere.response_reader import read_response
from gecholog.llm.dialects.cohere.stream_reader import CohereStreamReader
from gecholog.llm.error_body import error_of_any_shape

CHAT = ChatDialect(
    name=NAME,
    write_request=write_request,
    read_response=read_response,
    stream_reader=CohereStreamReader,
    read_error=error_of_any_shape,
)
