"""OpenAI responses as a dialect of chats, for providers and for clients."""

from __future__ import annotations

from gecholog.llm.chat_dialect import ChatDialect
from gecholog.llm.dialects.openai_errors import read_error, write_error
from gecholog.llm.dialects.openai_responses.item_reader import NAME
from gecholog.llm.dialects.openai_responses.request_reader import read_request
from gecholog.llm.dialects.openai_responses.request_writer import write_request
from gecholog.llm.dialects.openai_responses.response_reader import read_response
from gecholog.llm.dialects.openai_responses.response_writer import write_response
from gecholog.llm.dialects.openai_responses.stream_reader import ResponsesStreamReader
from gecholog.llm.dialects.openai_responses.stream_writer import ResponsesStreamWriter

CHAT = ChatDialect(
    name=NAME,
    write_request=write_request,
    read_response=read_response,
    stream_reader=ResponsesStreamReader,
    read_error=read_error,
    read_request=read_request,
    write_response=write_response,
    stream_writer=ResponsesStreamWriter,
    write_error=write_error,
)
