"""Reads a request for chat completions.

https://platform.openai.com/docs/api-reference/chat/create, and extensions that clients send: `top_k`,
`thinking` (LiteLLM, DeepSeek), `reasoning` (OpenRouter), and the history of reasoning in assistant messages.
"""

from __future__ import annotations

from typing import Any

from gecholog.llm import checked
from gecholog.llm.chat import ChatRequest, ReasoningConfig, ResponseFormat
from gecholog.llm.checked import Json
from gecholog.llm.dialects.openai_chat.legacy import FUNCTIONS
from gecholog.llm.dialects.openai_chat.message_reader import MessageReader
from gecholog.llm.dialects.openai_chat.tool_reader import read_tool_choice, read_tools
from gecholog.llm.unread import Unread

# Fields that have a place in the neutral form. All others are hints or required.
_READ = frozenset(
    {
        "model",
        "messages",
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "parallel_tool_calls",
        "response_format",
        "reasoning_effort",
        "reasoning",
        "thinking",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "n",
        "stream",
        "stream_options",
    }
)
# They change the response and have no substitute. A value that asks for nothing is as if the field was not there. The
# refusal names the first one that the provider does not support.
_REQUIRED = ("audio", "modalities", "prediction", "logprobs", "top_logprobs", "web_search_options")
_NOTHING: tuple[Any, ...] = (None, False, 0, {}, [], ["text"])
_WEB_SEARCH = "web_search_options"  # empty: with its defaults, which is worth a notice and not a refusal
# The members of objects in a request that are read; others are hints.
_MEMBERS = {
    "response_format": frozenset({"type", "json_schema"}),
    "reasoning": frozenset({"effort", "max_tokens", "enabled", "exclude", "summary"}),
    "thinking": frozenset({"type", "budget_tokens", "display"}),
    "stream_options": frozenset({"include_usage"}),
}
_JSON_SCHEMA = frozenset({"name", "description", "schema", "strict"})


def read_request(body: Json) -> ChatRequest:
    """The request in its neutral form. Raises InvalidRequestError."""
    unread = Unread()
    messages = MessageReader(unread).read(checked.a_list(body.get("messages"), "messages"))
    tools = read_tools(body, unread)
    wants_functions = bool(body.get("functions")) and not body.get("tools")
    parallel = checked.optional_bool(body, "parallel_tool_calls")
    tool_choice, tools = read_tool_choice(body, tools, unread)
    response_format = _response_format(body, unread)
    required = {name: body[name] for name in _REQUIRED if body.get(name) not in _NOTHING}
    _note_others(body, unread)
    stream_options = checked.optional_object(body, "stream_options") or {}
    max_tokens = checked.optional_int(body, "max_completion_tokens")
    return ChatRequest(
        model=checked.text(body, "model", ""),
        messages=messages,
        tools=tools,
        tool_choice=tool_choice,
        parallel_tool_calls=False if wants_functions else parallel,  # such a client understands one call
        response_format=response_format,
        reasoning=_reasoning(body),
        max_tokens=checked.optional_int(body, "max_tokens") if max_tokens is None else max_tokens,
        temperature=checked.optional_number(body, "temperature"),
        top_p=checked.optional_number(body, "top_p"),
        top_k=checked.optional_int(body, "top_k"),
        stop=checked.optional_texts(body, "stop"),
        n=checked.optional_int(body, "n"),
        is_streamed=checked.optional_bool(body, "stream") or False,
        wants_usage=checked.optional_bool(stream_options, "include_usage", "stream_options.") or False,
        hints=_hints(body) | unread.hints,
        required=required | unread.required,
        reply_style=FUNCTIONS if wants_functions else "",
    )


def _hints(body: Json) -> Json:
    hints = {
        name: value for name, value in body.items() if value is not None and name not in _READ and name not in _REQUIRED
    }
    return hints | ({_WEB_SEARCH: {}} if body.get(_WEB_SEARCH) == {} else {})


def _note_others(body: Json, unread: Unread) -> None:
    """Note the members of the request's objects that are not read."""
    for name, members in _MEMBERS.items():
        found = body.get(name)
        if isinstance(found, dict):
            unread.note(found, members, name)
    if unread.hints.get("stream_options.include_obfuscation") is False:
        del unread.hints["stream_options.include_obfuscation"]  # it is never done


def _response_format(body: Json, unread: Unread) -> ResponseFormat | None:
    """The form that the answer is to have; one without a place in the neutral form goes to `unread`."""
    asked = checked.optional_object(body, "response_format")
    kind = None if asked is None else asked.get("type")
    if asked is None or kind == "text":
        return None
    if kind == "json_object":
        return ResponseFormat()
    if kind != "json_schema":
        unread.required["response_format"] = asked
        return None
    path = "response_format.json_schema"
    wanted = checked.an_object(asked.get("json_schema"), path)
    unread.note(wanted, _JSON_SCHEMA, "json_schema")
    return ResponseFormat(
        schema=checked.optional_object(wanted, "schema", f"{path}."),
        name=checked.optional_text(wanted, "name", f"{path}.") or "",
        description=checked.optional_text(wanted, "description", f"{path}.") or "",
        strict=checked.optional_bool(wanted, "strict", f"{path}."),
    )


def _reasoning(body: Json) -> ReasoningConfig | None:
    """How much to think: OpenAI's field, else OpenRouter's, else Anthropic's, which LiteLLM and DeepSeek take."""
    effort = checked.optional_text(body, "reasoning_effort")
    if effort is not None:
        return _by_effort(effort)
    asked = checked.optional_object(body, "reasoning")
    if asked is not None:
        return _openrouter(asked)
    thinking = checked.optional_object(body, "thinking")
    if thinking is None:
        return None
    budget = checked.optional_int(thinking, "budget_tokens", "thinking.")
    display = checked.optional_text(thinking, "display", "thinking.")
    shows = None if display is None else display != "omitted"
    return ReasoningConfig(is_on=thinking.get("type") != "disabled", budget=budget, shows_text=shows)


def _by_effort(effort: str) -> ReasoningConfig:
    return ReasoningConfig(is_on=False) if effort == "none" else ReasoningConfig(is_on=True, effort=effort)


def _openrouter(asked: Json) -> ReasoningConfig:
    """https://openrouter.ai/docs/use-cases/reasoning-tokens."""
    path = "reasoning."
    effort = checked.optional_text(asked, "effort", path)
    budget = checked.optional_int(asked, "max_tokens", path)
    is_on = checked.optional_bool(asked, "enabled", path)
    excludes = checked.optional_bool(asked, "exclude", path)
    if effort == "none":
        return ReasoningConfig(is_on=False)
    if is_on is None and (effort is not None or budget is not None):
        is_on = True
    shows = True if asked.get("summary") else None
    return ReasoningConfig(is_on, effort, budget, shows if excludes is None else not excludes)
