# ruff: noqa: INP001 - a program, not a package
"""A processor of your own: adds the size of the prompt to the record. Several of it may run, they share the work."""

from __future__ import annotations

from typing import Any

from gecholog.processor import Processor, Request

processor = Processor("prompt_size")


@processor.request
async def measure(request: Request) -> dict[str, Any] | None:
    """The fields that gl_config.json includes come in, those that it writes go out; None writes nothing."""
    payload = request.ingress_payload
    if not isinstance(payload, dict) or not isinstance(payload.get("messages"), list):
        return None
    messages = payload["messages"]
    return {"prompt_size": {"messages": len(messages), "characters": sum(map(_characters, messages))}}


def _characters(message: Any) -> int:
    content = message.get("content") if isinstance(message, dict) else None
    return len(content) if isinstance(content, str) else 0


if __name__ == "__main__":
    processor.run()
