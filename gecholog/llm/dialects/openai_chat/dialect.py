"""OpenAI's chat completions, of clients and of providers."""

from __future__ import annotations

from gecholog.llm.chat_dialect import ChatDialect
from gecholog.llm.dialects.openai_chat.request_reader import read_request
from gecholog.llm.dialects.openai_chat.request_writer import write_request
from gecholog.llm.dialects.openai_chat.response_reader import read_response
from gecholog.llm.dialects.openai_chat.response_writer import write_response
from gecholog.llm.dialects.openai_chat.stream_reader import StreamReader
from gecholog.llm.dialects.openai_chat.stream_writer import StreamWriter
from gecholog.llm.dialects.openai_errors import read_error, write_error

CHAT = ChatDialect(
    name="openai_chat",
    write_request=write_request,
    read_response=read_response,
    stream_reader=StreamReader,
    read_error=read_error,
    read_request=read_request,
    write_response=write_response,
    stream_writer=StreamWriter,
    write_error=write_error,
)
