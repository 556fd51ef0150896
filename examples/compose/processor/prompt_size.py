# ruff: noqa: INP001 - a program by itself, no package
"""A processor of your own: adds the size of the prompt to the record. Several of it may run, they share the work."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from gecholog import logs, processor
from gecholog.bus import Bus, BusAddress
from gecholog.logs import Log

NAME = "prompt_size"


async def measure(fields: dict[str, Any]) -> dict[str, Any] | None:
    """The fields that gl_config.json includes come in, those that it writes go out; None writes nothing."""
    payload = fields.get("ingress_payload")
    if not isinstance(payload, dict) or not isinstance(payload.get("messages"), list):
        return None
    messages = payload["messages"]
    return {NAME: {"messages": len(messages), "characters": sum(map(_characters, messages))}}


def _characters(message: Any) -> int:
    content = message.get("content") if isinstance(message, dict) else None
    return len(content) if isinstance(content, str) else 0


async def main() -> None:
    """Answer until the end; a bus that is away is waited for."""
    logs.setup(NAME)
    address = BusAddress(f"{os.environ.get('GECHOLOG_HOST', 'localhost')}:4222", os.environ["NATS_TOKEN"])
    bus = Bus(address, NAME, Log(NAME))
    await processor.attach(bus, f"coburn.gl.{NAME}", processor.over_json(measure))
    await bus.run()


if __name__ == "__main__":
    asyncio.run(main())
