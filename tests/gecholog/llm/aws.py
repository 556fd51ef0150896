"""Messages of AWS's event stream, as Bedrock sends them."""

import base64
import json
import struct
import zlib


def message(name, value, *, kind=":event-type"):
    """One message; `value` is its payload, JSON unless it is bytes."""
    named = {":message-type": "event", kind: name, ":content-type": "application/json"}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(text)) + text.encode()
        for key, text in named.items()
    )
    headers += b"\x04date\x08" + bytes(8)  # a timestamp, which no decoder of ours reads
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    start = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return start + struct.pack(">I", zlib.crc32(start))


def invoked(value):
    """An event of a model's own API in the stream of InvokeModel."""
    return message("chunk", {"bytes": base64.b64encode(json.dumps(value).encode()).decode(), "p": "abc"})


CONVERSE = (
    ("messageStart", {"role": "assistant", "p": "ab"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Let me"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": " see."}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "Eq=="}}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "It is"}, "p": "a"}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": " warm."}}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "weather"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"city":'}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": ' "Oslo"}'}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("messageStop", {"stopReason": "tool_use"}),
    (
        "metadata",
        {
            "usage": {
                "inputTokens": 4,
                "outputTokens": 20,
                "totalTokens": 34,
                "cacheReadInputTokens": 7,
                "cacheWriteInputTokens": 3,
            },
            "metrics": {"latencyMs": 5},
        },
    ),
)
CONVERSE_FOLDED = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "Eq=="}}},
                {"text": "It is warm."},
                {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}},
            ],
        },
    },
    "stopReason": "tool_use",
    "usage": CONVERSE[-1][1]["usage"],
    "metrics": {"latencyMs": 5},
}
STREAM = b"".join(message(name, value) for name, value in CONVERSE)
AWS = "application/vnd.amazon.eventstream"
