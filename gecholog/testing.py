"""Tests a processor without NATS: the fields that it would write for given fields.

    from gecholog.testing import ask
    from charactercount import processor

    def test_count():
        assert ask(processor, {"ingress_payload": {"a": 1}}) == {"character_count": 7}

Nothing is faked: the processor takes the bytes of a message and returns the bytes of its answer, as on the bus.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from gecholog import rawjson
from gecholog.processor import Processor


def ask(processor: Processor, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that `processor` would write when gl sends it `fields`; {} for none.

    `fields` contains JSON values; the usual names are those of `gecholog.message.Request` and `Response`. The message
    is a response if a name begins with `inbound_` or `egress_`. Both directions go through JSON, as on the bus, so a
    tuple comes back as a list.

    Raises what the processor's function raises, and InvalidResult (a TypeError) if it returns something other than a
    dict that can be written as JSON. It runs an event loop of its own, and raises RuntimeError where one is running: in
    a coroutine, `await asked(processor, fields)` instead.

        ask(processor, {"gl_path": "/openai/", "ingress_payload": {"messages": []}})
    """
    if _in_a_loop():
        raise RuntimeError("an event loop is running: use `await asked(processor, fields)` in place of ask")
    return asyncio.run(asked(processor, fields))


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def asked(processor: Processor, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The asynchronous version of `ask`.

        assert await asked(processor, {"inbound_status_code": 200, "inbound_payload": {}}) == {}

    Raises as `ask`.
    """
    answer = await processor.work(rawjson.dumps(dict(fields)))
    written: dict[str, Any] = rawjson.loads(answer) if answer else {}
    return written
