"""What LiteLLM needs to translate a request and a chunk. Run by `bench.translation` with the Python of its environment.

It imports nothing of this project. Work comes as JSON on stdin: `request`, a chat completion request; `streams`, the
lines of a stream by provider; `rounds` and `seconds`. Microseconds of CPU time go to stdout, by provider and kind.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from litellm import AnthropicConfig, CustomStreamWrapper
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.llms.anthropic.chat.handler import ModelResponseIterator as AnthropicChunks
from litellm.llms.vertex_ai.gemini.transformation import _transform_request_body
from litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini import (
    ModelResponseIterator as GeminiChunks,
)
from litellm.utils import get_optional_params

_MODELS = {"anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
_NOT_PARAMETERS = ("model", "messages")


def _request(provider: str, body: bytes) -> Callable[[], object]:
    """Read a request, map its parameters, and write it in the provider's API."""
    model = _MODELS[provider]

    def run() -> object:
        request = json.loads(body)
        parameters = {name: value for name, value in request.items() if name not in _NOT_PARAMETERS}
        optional = get_optional_params(model=model, custom_llm_provider=provider, **parameters)
        messages = request["messages"]
        if provider == "anthropic":
            written = AnthropicConfig().transform_request(model, messages, optional, {}, {})
        else:
            written = _transform_request_body(messages, model, optional, provider, {}, None)
        return json.dumps(written)

    return run


def _stream(provider: str, lines: list[str]) -> Callable[[], object]:
    """Read the lines of a stream, and write the chunks of a chat completion as the proxy does."""
    model = _MODELS[provider]

    def run() -> object:
        log = Logging(model, [], True, "completion", datetime.now(), "1", "1")  # noqa: DTZ005, FBT003 - as it has it
        log.optional_params = {}
        chunks: Any = (
            AnthropicChunks(iter(lines), sync_stream=True)
            if provider == "anthropic"
            else GeminiChunks(iter(lines), sync_stream=True, logging_obj=log)
        )
        wrapped = CustomStreamWrapper(iter(chunks), model, log, provider)
        return [f"data: {piece.model_dump_json(exclude_none=True, exclude_unset=True)}\n\n" for piece in wrapped]

    return run


def _works(asked: dict[str, Any]) -> Iterator[tuple[str, str, Callable[[], object], int]]:
    body = json.dumps(asked["request"]).encode()
    for provider, lines in asked["streams"].items():
        yield provider, "request", _request(provider, body), 1
        yield provider, "chunk", _stream(provider, lines), len([line for line in lines if line.startswith("data:")])


def main() -> None:
    """Measure each work in turn, round after round: the fastest round counts."""
    asked = json.load(sys.stdin)
    works = list(_works(asked))
    best: dict[tuple[str, str], float] = {}
    for _ in range(asked["rounds"]):
        for provider, kind, run, units in works:
            runs, start = 0, time.process_time()
            while (took := time.process_time() - start) < asked["seconds"] or not runs:
                run()
                runs += 1
            best[provider, kind] = min(best.get((provider, kind), float("inf")), took / runs / units * 1e6)
    found: dict[str, dict[str, float]] = {}
    for (provider, kind), microseconds in best.items():
        found.setdefault(provider, {})[kind] = microseconds
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
