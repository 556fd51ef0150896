"""Anthropic messages as a dialect of chats, for providers and for clients."""

from __future__ import annotations

from gecholog.llm.chat_dialect import ChatDialect
from gecholog.llm.dialects.anthropic.blocks import NAME
from gecholog.llm.dialects.anthropic.errors import read_error, write_error
from gecholog.llm.dialects.anthropic.request_reader import read_request
from gecholog.llm.dialects.anthropic.request_writer import write_request
from gecholog.llm.dialects.anthropic.response_reader import read_response
from gecholog.llm.dialects.anthropic.response_writer import write_response
from gecholog.llm.dialects.anthropic.stream_reader import MessagesStreamReader
from gecholog.llm.dialects.anthropic.stream_writer import MessagesStreamWriter

CHAT = ChatDialect(
    name=NAME,
    write_request=write_request,
    read_response=read_response,
    stream_reader=MessagesStreamReader,
    read_error=read_error,
    read_request=read_request,
    write_response=write_response,
    stream_writer=MessagesStreamWriter,
    write_error=write_error,
)
