"""The prompt of a request to the Gemini API: its tokens, those that are cached, and its last turn."""

from __future__ import annotations

from gecholog import rawjson
from services.dummy import tokens
from services.dummy.fields import JsonBody
from services.dummy.gemini import rules
from services.dummy.generation import TextLimits
from services.dummy.prompt_cache import PromptCache
from services.dummy.turn import Output, Tool, Turn, tool_use_tokens

_PICTURE_TOKENS = 258  # of an image or a file, as Gemini counts a small image
# Models that think unless they are told not to, by a part of their names; those that need no signatures back.
_THINKS = "gemini-3"
_LENIENT = "gemini-2"


def thinks(body: JsonBody, model: str) -> bool:
    """Tell whether the model thinks: because the request asks for it, or as models of its name do."""
    config = body.get("generationConfig", {}).get("thinkingConfig")
    if config is None:
        return _THINKS in model
    return bool(int(config.get("thinkingBudget", -1)))


def needs_signatures(body: JsonBody, model: str) -> bool:
    """Tell whether calls have to come back with their signatures."""
    return thinks(body, model) and _LENIENT not in model


def prompt_tokens(body: JsonBody) -> int:
    """Count the tokens of a prompt."""
    contents = [*body.get("contents", ()), *([body["systemInstruction"]] if "systemInstruction" in body else [])]
    return _tool_tokens(body) + sum(_part_tokens(part) for content in contents for part in content.get("parts", ()))


def cached_tokens(body: JsonBody, model: str, cache: PromptCache) -> int:
    """Count the cached tokens of a prompt: system instruction and tools, if there are any, from the second time on."""
    beginning = {name: body[name] for name in ("systemInstruction", "tools") if body.get(name)}
    if not beginning:
        return 0
    written = rawjson.dumps(beginning)
    if cache.has(model, written):
        return prompt_tokens(beginning)
    cache.add(model, written)
    return 0


def turn_of(body: JsonBody, model: str, chunks: int) -> Turn:
    """Return the last turn of a conversation."""
    contents, config = body["contents"], body.get("generationConfig", {})
    mode = body.get("toolConfig", {}).get("functionCallingConfig", {})
    most = config.get("maxOutputTokens")
    return Turn(
        words=_words(contents),
        results=tuple(rawjson.dumps(one["response"]).decode() for one in rules.responses(contents[-1])),
        called=tuple(
            call["name"] for content in contents[rules.current_turn(contents) :] for call in rules.calls(content)
        ),
        tools=_tools(body, mode),
        must_call=mode.get("mode") == "ANY",
        thinks=thinks(body, model),
        output=_output(config),
        limits=TextLimits(None if most is None else int(most), tuple(config.get("stopSequences", ())), chunks),
    )


def _words(contents: list[JsonBody]) -> str:
    """Return the last text of the user."""
    for content in reversed(contents):
        if content.get("role", "user") == "user" and not rules.responses(content):
            return "".join(part.get("text", "") for part in content["parts"])
    return ""


def _tools(body: JsonBody, mode: JsonBody) -> tuple[Tool, ...]:
    if mode.get("mode") == "NONE":
        return ()
    allowed = mode.get("allowedFunctionNames")
    return tuple(
        Tool(function["name"], function.get("parametersJsonSchema", function.get("parameters")))
        for tool in body.get("tools") or ()
        for function in tool.get("functionDeclarations", ())
        if not allowed or function["name"] in allowed
    )


def _output(config: JsonBody) -> Output:
    if config.get("responseMimeType") != "application/json":
        return Output()
    return Output(is_json=True, schema=config.get("responseJsonSchema", config.get("responseSchema")))


def _tool_tokens(body: JsonBody) -> int:
    return sum(tokens.count(rawjson.dumps(tool).decode()) for tool in body.get("tools") or ())


def _part_tokens(part: JsonBody) -> int:
    if "text" in part:
        return tokens.count(part["text"])
    if "functionCall" in part:
        return tool_use_tokens(part["functionCall"]["name"], part["functionCall"].get("args", {}))
    if "functionResponse" in part:
        return tool_use_tokens(part["functionResponse"]["name"], part["functionResponse"]["response"])
    return _PICTURE_TOKENS
