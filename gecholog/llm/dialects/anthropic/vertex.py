"""Anthropic messages as Vertex AI takes them: the model is in the path, and the version of the API in the body."""

from __future__ import annotations

from dataclasses import replace

from gecholog.llm import json_text
from gecholog.llm.chat import ChatRequest
from gecholog.llm.chat_dialect import ChatDialect, Target, WrittenRequest
from gecholog.llm.dialects.anthropic import request_writer
from gecholog.llm.dialects.anthropic.dialect import CHAT as MESSAGES
from gecholog.llm.dialects.anthropic.errors import read_error, write_error
from gecholog.llm.error_body import json_object
from gecholog.llm.raw_predict import VERSION, VERSION_MEMBER


def write_request(request: ChatRequest, target: Target) -> WrittenRequest:
    """The body of a request to `rawPredict`, and the hints that are left out. Raises UnsupportedParameterError."""
    written = request_writer.write_request(request, target, may_begin_within_turn=False)
    body = {name: value for name, value in written.body.items() if name != "model"}
    return replace(written, body={VERSION_MEMBER: VERSION} | body)


def error_for_client(status: int, body: bytes) -> bytes:
    """The body of an error for a client of Anthropic's API. Errors of Google itself have another form.

    Those are about tokens, quotas and models that a location does not have. Anthropic's own errors stay as they are.
    """
    value = json_object(body)
    if value is not None and value.get("type") == "error":
        return body
    return json_text.dumps(write_error(read_error(status, body)))


CHAT = ChatDialect(
    name="anthropic_vertex",
    write_request=write_request,
    read_response=MESSAGES.read_response,
    stream_reader=MESSAGES.stream_reader,
    read_error=MESSAGES.read_error,
)
