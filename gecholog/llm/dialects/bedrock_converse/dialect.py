"""Bedrock Converse as a dialect of chats, for providers."""

from __future__ import annotations

from gecholog.llm.chat_dialect import ChatDialect
from gecholog.llm.dialects.bedrock_converse.request_writer import write_request
from gecholog.llm.dialects.bedrock_converse.response_reader import read_response
from gecholog.llm.dialects.bedrock_converse.stream_reader import ConverseStreamReader
from gecholog.llm.error_body import error_of_any_shape

CHAT = ChatDialect(
    name="bedrock_converse",
    write_request=write_request,
    read_response=read_response,
    stream_reader=ConverseStreamReader,
    read_error=error_of_any_shape,
)
