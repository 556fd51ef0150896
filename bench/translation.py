"""What the translation of a call costs: `python -m bench.translation`. CPU time of this process, without sockets.

All pairs of dialects take turns, round after round, and the fastest round of each counts: what other programs do to the
machine only makes it slower. Beside each pair stands what reading and writing the same JSON alone costs, and, with
`--litellm`, what LiteLLM needs for the same requests and streams.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from gecholog.llm import translate
from gecholog.llm.chat_dialect import ReplyContext, Target
from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.folding import fold
from gecholog.llm.translate import Translation
from gecholog.llm.whole_as_deltas import deltas_of

_CLIENTS = ("openai_chat", "anthropic", "openai_responses")
_CHUNKS = 200
# No download of prices, no warnings, and a stream may say the same again and again.
_LITELLM = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "ERROR",
    "REPEATED_STREAMING_CHUNK_LIMIT": str(10 * _CHUNKS),
}
_TEXT = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all. "
_TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": _TEXT,
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
                "required": ["city"],
            },
        },
    }
    for name in ("weather", "news")
]
REQUEST: dict[str, Any] = {
    "model": "any",
    "messages": [
        {"role": "system", "content": _TEXT * 5},
        {"role": "user", "content": _TEXT},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": _TEXT},
        {"role": "user", "content": _TEXT},
    ],
    "tools": _TOOLS,
    "tool_choice": "auto",
    "max_tokens": 500,
    "temperature": 0.5,
    "stream": True,
    "stream_options": {"include_usage": True},
}
RESPONSE: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "any",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": _TEXT * 5}}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200},
}


class Work(NamedTuple):
    """Something to measure. `units` is how many requests, answers or chunks one run of it translates."""

    pair: str
    what: str
    run: Callable[[], object]
    units: int = 1


def _client_request(client: str) -> bytes:
    """The request as a client of a dialect sends it."""
    chat = CHAT_DIALECTS["openai_chat"]
    if client == chat.name:
        return orjson.dumps(REQUEST)
    request = translate.read_request(chat, orjson.dumps(REQUEST))
    return orjson.dumps(CHAT_DIALECTS[client].write_request(request, Target("any")).body)


def _made(client: str, provider: str, *, is_streamed: bool) -> Translation:
    request = translate.read_request(CHAT_DIALECTS[client], _client_request(client))
    if not is_streamed:
        request = request.__class__(request.model, request.messages)
    context = ReplyContext(request, "1f", 1700000000, "any")
    return Translation(CHAT_DIALECTS[client], CHAT_DIALECTS[provider], request, context)


def _stream_of(provider: str, chunks: int) -> list[bytes]:
    """A stream of a provider with so many chunks of text."""
    dialect = CHAT_DIALECTS[provider]
    request = translate.read_request(CHAT_DIALECTS["openai_chat"], orjson.dumps(REQUEST))
    if dialect.stream_writer is None:
        return _NATIVE_STREAMS[provider](chunks)
    writer = dialect.stream_writer(ReplyContext(request, "1f", 1700000000, "any"))
    response = CHAT_DIALECTS["openai_chat"].read_response(RESPONSE)
    first, text, *rest = deltas_of(response)
    pieces = [writer.write(delta) for delta in (first, *[text] * chunks, *rest)]
    return [piece for piece in (*pieces, writer.end()) if piece]


def _gemini_stream(chunks: int) -> list[bytes]:
    content = {"role": "model", "parts": [{"text": _TEXT * 5}]}
    chunk = {"candidates": [{"content": content, "index": 0}], "modelVersion": "any"}
    last = {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 1}}
    return [b"data: " + orjson.dumps(value) + b"\r\n\r\n" for value in (*[chunk] * chunks, last)]


def _ollama_stream(chunks: int) -> list[bytes]:
    chunk = {"model": "any", "message": {"role": "assistant", "content": _TEXT * 5}, "done": False}
    last = {**chunk, "done": True, "done_reason": "stop", "prompt_eval_count": 1, "eval_count": 1}
    return [orjson.dumps(value) + b"\n" for value in (*[chunk] * chunks, last)]


_NATIVE_STREAMS = {"gemini": _gemini_stream, "ollama": _ollama_stream}


def _request(client: str, provider: str) -> Callable[[], object]:
    body, target = _client_request(client), Target("any")
    context = _made(client, provider, is_streamed=True).context

    def run() -> object:
        request = translate.read_request(CHAT_DIALECTS[client], body)
        return Translation(CHAT_DIALECTS[client], CHAT_DIALECTS[provider], request, context).sent(target)

    return run


def _response(client: str, provider: str) -> Callable[[], object]:
    made = _made(client, provider, is_streamed=False)
    data = b"".join(_stream_of(provider, 2))
    kind = "application/x-ndjson" if provider == "ollama" else "text/event-stream"
    folded = fold(data, kind, completed=True)
    body = orjson.dumps(folded)
    return lambda: made.response(body, "application/json")


def _stream(client: str, provider: str) -> Callable[[], object]:
    made, pieces = _made(client, provider, is_streamed=True), _stream_of(provider, _CHUNKS)

    def run() -> object:
        stream = made.stream()
        return [stream.feed(piece) for piece in pieces], stream.flush()

    return run


def works() -> list[Work]:
    """All that is measured: what JSON alone costs, then each pair."""
    body = orjson.dumps(REQUEST)
    found = [Work("JSON alone", "request", lambda: orjson.dumps(orjson.loads(body)))]
    for client in _CLIENTS:
        for provider in (*_CLIENTS, *_NATIVE_STREAMS):
            if client == provider:
                continue
            pair = f"{client} → {provider}"
            found.append(Work(pair, "request", _request(client, provider)))
            found.append(Work(pair, "response", _response(client, provider)))
            found.append(Work(pair, "chunk", _stream(client, provider), _CHUNKS))
    return found


def measure(listed: list[Work], rounds: int, seconds: float) -> dict[tuple[str, str], float]:
    """Microseconds of CPU time for one unit of each work, of its fastest round."""
    best: dict[tuple[str, str], float] = {}
    for _ in range(rounds):
        for work in listed:
            runs, start = 0, time.process_time()
            while (took := time.process_time() - start) < seconds:
                work.run()
                runs += 1
            key = (work.pair, work.what)
            best[key] = min(best.get(key, float("inf")), took / runs / work.units * 1e6)
    return best


def measure_litellm(environment: Path, rounds: int, seconds: float) -> dict[tuple[str, str], float]:
    """Microseconds of CPU time of LiteLLM, which is installed in a virtual environment of its own."""
    streams = {name: b"".join(_stream_of(name, _CHUNKS)).decode().splitlines() for name in ("anthropic", "gemini")}
    asked = {"request": REQUEST, "streams": streams, "rounds": rounds, "seconds": seconds}
    program = Path(__file__).parent / "peers" / "litellm_translation.py"
    done = subprocess.run(
        [environment / "bin" / "python", "-B", "-P", program],
        env=os.environ | _LITELLM,
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))  # it prints, too
    return {(f"LiteLLM → {name}", what): cost for name, costs in found.items() for what, cost in costs.items()}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.translation", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all pairs")
    parser.add_argument("--seconds", type=float, default=0.05, help="of each measurement")
    parser.add_argument("--litellm", type=Path, help="a virtual environment with LiteLLM, to measure it too")
    options = parser.parse_args()
    found = measure(works(), options.rounds, options.seconds)
    if options.litellm is not None:
        found |= measure_litellm(options.litellm, options.rounds, options.seconds)
    print(f"{'µs of CPU':34}{'request':>9}{'response':>9}{'chunk':>9}")
    for pair in dict.fromkeys(pair for pair, _ in found):
        cells = [found.get((pair, what)) for what in ("request", "response", "chunk")]
        print(f"{pair:34}" + "".join(f"{cell:9.1f}" if cell is not None else f"{'':9}" for cell in cells))


if __name__ == "__main__":
    main()
