"""What the tables of docs/translation.md are asked with: fields of requests and answers, one at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]


class Probe(NamedTuple):
    """A field by the name that the tables have, and the members of a body that hold it.

    `beside` are members that the body has with the field and without it.
    """

    field: str
    more: Json
    beside: Json = {}  # noqa: RUF012 - a default of a tuple


Probes = tuple[Json, list[Probe]]

TITLES = {
    "openai_chat": "OpenAI chat completions",
    "openai_responses": "OpenAI responses",
    "anthropic": "Anthropic messages",
    "gemini": "Gemini",
    "ollama": "Ollama",
    "bedrock_converse": "Bedrock Converse",
    "cohere": "Cohere",
}
# Providers, each with a model that can do most.
TARGETS = {
    "openai_chat": "gpt-5",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
    "ollama": "qwen3",
    "bedrock_converse": "anthropic.claude-sonnet-4-5-v1:0",
    "cohere": "command-a-reasoning-08-2025",
}
_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
_PNG = "data:image/png;base64,aGk="
_FUNCTION = {"type": "function", "function": {"name": "look", "parameters": _SCHEMA}}


_WITH_FUNCTION: Json = {"tools": [_FUNCTION]}


def _user(*content: Json) -> Json:
    return {"messages": [{"role": "user", "content": list(content)}]}


def _chat_history(*messages: Json) -> Json:
    return {"messages": [{"role": "user", "content": "x"}, *messages]}


_CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a":"b"}'}}
_CALLED = {"role": "assistant", "content": None, "tool_calls": [_CALL]}
_SIGNED = _CALL | {"extra_content": {"google": {"thought_signature": "c2ln"}}}
_THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}

_CHAT: Probes = (
    {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 10_000},
    [
        Probe(
            "messages[].role system, developer",
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "x"}]},
        ),
        Probe("content[] image_url (data)", _user({"type": "image_url", "image_url": {"url": _PNG}})),
        Probe(
            "content[] image_url (https)",
            _user({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
        ),
        Probe(
            "content[] input_audio", _user({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})
        ),
        Probe(
            "content[] file",
            _user({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE", "filename": "a"}}),
        ),
        Probe("content[] cache_control", _user({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}})),
        Probe("assistant tool_calls", _chat_history(_CALLED)),
        Probe("role tool", _chat_history(_CALLED, {"role": "tool", "tool_call_id": "c1", "content": "seen"})),
        Probe(
            "assistant thinking_blocks",
            _chat_history({"role": "assistant", "content": "y", "thinking_blocks": [_THOUGHT]}),
        ),
        Probe(
            "tool_calls[] extra_content.google",
            _chat_history({"role": "assistant", "content": None, "tool_calls": [_SIGNED]}),
        ),
        Probe("tools", {"tools": [_FUNCTION]}),
        Probe("tools (custom, server tools)", {"tools": [{"type": "custom", "custom": {"name": "x"}}]}),
        Probe("tool_choice auto", {"tool_choice": "auto"}, _WITH_FUNCTION),
        Probe("tool_choice none", {"tool_choice": "none"}, _WITH_FUNCTION),
        Probe("tool_choice required", {"tool_choice": "required"}, _WITH_FUNCTION),
        Probe(
            "tool_choice (named)",
            {"tools": [_FUNCTION], "tool_choice": {"type": "function", "function": {"name": "look"}}},
        ),
        Probe("parallel_tool_calls false", {"parallel_tool_calls": False}, _WITH_FUNCTION),
        Probe("response_format json_object", {"response_format": {"type": "json_object"}}),
        Probe(
            "response_format json_schema",
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": _SCHEMA}}},
        ),
        Probe("reasoning_effort", {"reasoning_effort": "high"}),
        Probe("max_tokens, max_completion_tokens", {"max_tokens": 5000}),
        Probe("temperature", {"temperature": 0.5}),
        Probe("temperature over 1", {"temperature": 1.5}),
        Probe("top_p", {"top_p": 0.5}),
        Probe("top_k", {"top_k": 5}),
        Probe("stop", {"stop": ["END"]}),
        Probe("n", {"n": 2}),
        Probe("stream", {"stream": True}),
        Probe("seed", {"seed": 7}),
        Probe("presence_penalty", {"presence_penalty": 0.5}),
        Probe("frequency_penalty", {"frequency_penalty": 0.5}),
        Probe("logit_bias", {"logit_bias": {"1": 1}}),
        Probe("user", {"user": "u"}),
        Probe("metadata", {"metadata": {"a": "b"}}),
        Probe("service_tier default", {"service_tier": "default"}),
        Probe("service_tier flex", {"service_tier": "flex"}),
        Probe("store", {"store": False}),
        Probe("logprobs", {"logprobs": True}),
        Probe("modalities text, image", {"modalities": ["text", "image"]}),
        Probe("modalities audio", {"modalities": ["text", "audio"]}),
        Probe("prediction", {"prediction": {"type": "content", "content": "x"}}),
        Probe("web_search_options", {"web_search_options": {"search_context_size": "low"}}),
        Probe("web_search_options (empty)", {"web_search_options": {}}),
        Probe("stream_options.include_obfuscation", {"stream_options": {"include_obfuscation": True}}),
    ],
)


def _blocks(*content: Json) -> Json:
    return {"messages": [{"role": "user", "content": list(content)}]}


def _history(*content: Json) -> Json:
    assistant = {"role": "assistant", "content": list(content)}
    return {"messages": [{"role": "user", "content": "x"}, assistant]}


_TOOL = {"name": "look", "input_schema": _SCHEMA}
_WITH_TOOL: Json = {"tools": [_TOOL]}
_USE = {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": "b"}}
_RESULT = {"type": "tool_result", "tool_use_id": "c1", "content": "seen"}

_DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}


def _answered(result: Json) -> Json:
    calls = {"role": "assistant", "content": [_USE]}
    return {"messages": [{"role": "user", "content": "x"}, calls, {"role": "user", "content": [result]}]}


_MESSAGES: Probes = (
    {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 10_000},
    [
        Probe("system", {"system": "s"}),
        Probe(
            "content[] image (base64)",
            _blocks({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}),
        ),
        Probe(
            "content[] image (url)",
            _blocks({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}),
        ),
        Probe(
            "content[] document (PDF)",
            _blocks(
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}
            ),
        ),
        Probe(
            "content[] document (text)",
            _blocks({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}),
        ),
        Probe("content[] document title", _blocks(_DOCUMENT | {"title": "t"}), _blocks(_DOCUMENT)),
        Probe("content[] document context", _blocks(_DOCUMENT | {"context": "c"}), _blocks(_DOCUMENT)),
        Probe(
            "content[] document citations", _blocks(_DOCUMENT | {"citations": {"enabled": True}}), _blocks(_DOCUMENT)
        ),
        Probe(
            "content[] search_result",
            _blocks({"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "y"}]}),
        ),
        Probe("content[] tool_use", _history(_USE)),
        Probe("content[] tool_result", _answered(_RESULT), _WITH_TOOL),
        Probe(
            "tool_result is_error",
            _answered(_RESULT | {"is_error": True}),
            _WITH_TOOL | _answered(_RESULT),
        ),
        Probe("content[] thinking", _history(_THOUGHT, {"type": "text", "text": "y"})),
        Probe("cache_control", _blocks({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}})),
        Probe(
            "server tool blocks", _history({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})
        ),
        Probe("tools", {"tools": [_TOOL]}),
        Probe("tools (server tools)", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        Probe("tool_choice auto", {"tool_choice": {"type": "auto"}}, _WITH_TOOL),
        Probe("tool_choice any", {"tool_choice": {"type": "any"}}, _WITH_TOOL),
        Probe("tool_choice tool", {"tool_choice": {"type": "tool", "name": "look"}}, _WITH_TOOL),
        Probe("tool_choice none", {"tool_choice": {"type": "none"}}, _WITH_TOOL),
        Probe(
            "disable_parallel_tool_use",
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            _WITH_TOOL,
        ),
        Probe("output_config.format", {"output_config": {"format": {"type": "json_schema", "schema": _SCHEMA}}}),
        Probe("output_config.effort", {"output_config": {"effort": "low"}}),
        Probe("thinking enabled", {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
        Probe("thinking adaptive", {"thinking": {"type": "adaptive"}}),
        Probe("thinking disabled", {"thinking": {"type": "disabled"}}),
        Probe(
            "thinking.display omitted",
            {"thinking": {"type": "adaptive", "display": "omitted"}},
            {"thinking": {"type": "adaptive"}},
        ),
        Probe("max_tokens", {"max_tokens": 5000}),
        Probe("temperature", {"temperature": 0.5}),
        Probe("top_p", {"top_p": 0.5}),
        Probe("top_k", {"top_k": 5}),
        Probe("stop_sequences", {"stop_sequences": ["END"]}),
        Probe("stream", {"stream": True}),
        Probe("metadata.user_id", {"metadata": {"user_id": "u"}}),
        Probe("metadata (others)", {"metadata": {"team": "a"}}),
        Probe("service_tier", {"service_tier": "standard_only"}),
        Probe("tools[] (other members)", {"tools": [_TOOL | {"defer_loading": True}]}, _WITH_TOOL),
        Probe("container, mcp_servers", {"container": "c"}),
        Probe("context_management", {"context_management": {"edits": []}}),
    ],
)


def _items(*items: Json) -> Json:
    return {"input": [{"role": "user", "content": "x"}, *items]}


_RESPONSES: Probes = (
    {"model": "m", "input": "x", "max_output_tokens": 10_000},
    [
        Probe("instructions", {"instructions": "s"}),
        Probe(
            "input[] developer", {"input": [{"role": "developer", "content": "s"}, {"role": "user", "content": "x"}]}
        ),
        Probe(
            "content[] input_image (data)",
            _items({"role": "user", "content": [{"type": "input_image", "image_url": _PNG}]}),
        ),
        Probe(
            "content[] input_file",
            _items(
                {"role": "user", "content": [{"type": "input_file", "file_data": "data:application/pdf;base64,JVBE"}]}
            ),
        ),
        Probe(
            "input[] function_call",
            _items({"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}),
        ),
        Probe(
            "input[] function_call_output",
            _items(
                {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "seen"},
            ),
        ),
        Probe("input[] item_reference, server tool items", _items({"type": "item_reference", "id": "i"})),
        Probe("tools (function)", {"tools": [{"type": "function", "name": "look", "parameters": _SCHEMA}]}),
        Probe("tools (others)", {"tools": [{"type": "web_search"}]}),
        Probe("text.format json_schema", {"text": {"format": {"type": "json_schema", "name": "n", "schema": _SCHEMA}}}),
        Probe("text.verbosity", {"text": {"verbosity": "low"}}),
        Probe("reasoning.effort", {"reasoning": {"effort": "high"}}),
        Probe("reasoning.summary", {"reasoning": {"summary": "auto"}}),
        Probe("include (of other tools)", {"include": ["file_search_call.results"]}),
        Probe("max_output_tokens", {"max_output_tokens": 5000}),
        Probe("temperature", {"temperature": 0.5}),
        Probe("top_p", {"top_p": 0.5}),
        Probe("stream", {"stream": True}),
        Probe("previous_response_id", {"previous_response_id": "r"}),
        Probe("store true", {"store": True}),
        Probe("background", {"background": True}),
        Probe("truncation", {"truncation": "auto"}),
        Probe("prompt_cache_key", {"prompt_cache_key": "k"}),
    ],
)

REQUESTS: dict[str, Probes] = {"openai_chat": _CHAT, "anthropic": _MESSAGES, "openai_responses": _RESPONSES}


def _message(*content: Json, **fields: Any) -> Json:
    return {"content": list(content)} | fields


def _candidate(*parts: Json, finish: str = "STOP") -> Json:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish}]}


def _chat_choice(finish: str = "stop", **message: Any) -> Json:
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": None} | message, "finish_reason": finish}]
    }


def _cohere(**message: Any) -> Json:
    return {"message": {"role": "assistant"} | message, "finish_reason": "COMPLETE"}


def _converse(*content: Json) -> Json:
    return {"output": {"message": {"role": "assistant", "content": list(content)}}}


ANSWERS: dict[str, Probes] = {
    "anthropic": (
        {"content": [], "stop_reason": "end_turn"},
        [
            Probe("text", _message({"type": "text", "text": "x"})),
            Probe(
                "text citations (web)",
                _message({"type": "text", "text": "x", "citations": [{"url": "u", "title": "t", "cited_text": "c"}]}),
            ),
            Probe("thinking", _message(_THOUGHT)),
            Probe("redacted_thinking", _message({"type": "redacted_thinking", "data": "c2ln"})),
            Probe("tool_use", _message(_USE, stop_reason="tool_use")),
            Probe("stop_reason max_tokens", {"stop_reason": "max_tokens"}),
            Probe("stop_reason refusal", {"stop_reason": "refusal"}),
            Probe("stop_reason pause_turn", {"stop_reason": "pause_turn"}),
            Probe("usage", {"usage": {"input_tokens": 5, "output_tokens": 7}}),
            Probe(
                "usage.cache_read_input_tokens",
                {"usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 7}},
            ),
        ],
    ),
    "gemini": (
        _candidate(),
        [
            Probe("text", _candidate({"text": "x"})),
            Probe("thought", _candidate({"text": "hm", "thought": True})),
            Probe("functionCall", _candidate({"functionCall": {"name": "look", "args": {}}})),
            Probe(
                "thoughtSignature of a call", _candidate({"functionCall": {"name": "look"}, "thoughtSignature": "c2ln"})
            ),
            Probe("inlineData image", _candidate({"inlineData": {"mimeType": "image/png", "data": "aGk="}})),
            Probe("finishReason MAX_TOKENS", _candidate(finish="MAX_TOKENS")),
            Probe("finishReason SAFETY", _candidate(finish="SAFETY")),
            Probe("finishReason MALFORMED_FUNCTION_CALL, OTHER", _candidate(finish="MALFORMED_FUNCTION_CALL")),
            Probe("finishReason (not known)", _candidate(finish="NEW")),
            Probe(
                "usageMetadata",
                {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 7, "thoughtsTokenCount": 2}},
            ),
        ],
    ),
    "ollama": (
        {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"},
        [
            Probe("message.content", {"message": {"role": "assistant", "content": "x"}}),
            Probe("message.thinking", {"message": {"role": "assistant", "content": "", "thinking": "hm"}}),
            Probe(
                "message.tool_calls",
                {"message": {"role": "assistant", "tool_calls": [{"function": {"name": "look", "arguments": {}}}]}},
            ),
            Probe("done_reason length", {"done_reason": "length"}),
            Probe("prompt_eval_count, eval_count", {"prompt_eval_count": 5, "eval_count": 7}),
        ],
    ),
    "bedrock_converse": (
        {"output": {"message": {"content": []}}, "stopReason": "end_turn"},
        [
            Probe("text", _converse({"text": "x"})),
            Probe(
                "reasoningContent",
                _converse({"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}),
            ),
            Probe("toolUse", _converse({"toolUse": {"toolUseId": "c1", "name": "look", "input": {}}})),
            Probe("stopReason max_tokens", {"stopReason": "max_tokens"}),
            Probe("stopReason guardrail_intervened", {"stopReason": "guardrail_intervened"}),
            Probe("stopReason malformed_tool_use", {"stopReason": "malformed_tool_use"}),
            Probe("usage", {"usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12}}),
        ],
    ),
    "cohere": (
        _cohere(),
        [
            Probe("message.content text", _cohere(content=[{"type": "text", "text": "x"}])),
            Probe("message.content thinking", _cohere(content=[{"type": "thinking", "thinking": "hm"}])),
            Probe("message.tool_plan", _cohere(tool_plan="hm")),
            Probe("message.tool_calls", _cohere(tool_calls=[_CALL])),
            Probe("finish_reason MAX_TOKENS", {"finish_reason": "MAX_TOKENS"}),
            Probe("usage", {"usage": {"tokens": {"input_tokens": 5, "output_tokens": 7}}}),
        ],
    ),
    "openai_chat": (
        _chat_choice(),
        [
            Probe("message.content", _chat_choice(content="x")),
            Probe("message.refusal", _chat_choice(refusal="no")),
            Probe("message.reasoning_content", _chat_choice(reasoning_content="hm")),
            Probe("message.tool_calls", _chat_choice("tool_calls", tool_calls=[_CALL])),
            Probe("finish_reason length", _chat_choice("length")),
            Probe("finish_reason content_filter", _chat_choice("content_filter")),
            Probe("usage", {"usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}}),
        ],
    ),
}
