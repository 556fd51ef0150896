"""Records for tests of spans."""

START = "2026-11-30T09:28:20"
ZERO = 1796030900 * 10**9  # the same in nanoseconds since 1970
MS = 1_000_000
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
URL = "https://api.openai.com/v1/chat/completions"


def timer(start: float, stop: float) -> dict:
    """A timer, in milliseconds since `START`."""
    return {
        "start": f"{START}.{round(start * MS):09d}Z",
        "stop": f"{START}.{round(stop * MS):09d}Z",
        "duration": int(stop - start),
    }


def run(name: str, start: float, stop: float, *, required: bool = False, completed: bool = True) -> dict:
    """A run of a processor."""
    return {
        "name": name,
        "details": {"required": required, "completed": completed, "timestamp": timer(start, stop)},
    }


def failed_over() -> dict:
    """The record of a streamed call with two attempts, three processors and a client key."""
    sent = {"Traceparent": [f"00-{TRACE}-{PARENT}-01"]}
    azure = "https://example.openai.azure.com:8443/openai/deployments/x/chat/completions"
    first = {"gl_path": "/v1/", "url": azure, "provider": "azure", "model": "x", "status_code": 503}
    last = {"gl_path": "/v1/", "url": URL, "provider": "main", "model": "gpt-x", "status_code": 200}
    messages = [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello"}]
    said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
    return {
        "session_id": "G_1_1_0",
        "transaction_id": "G_1_1_1",
        "request": {
            "gl_path": "/v1/",
            "ingress_method": "POST",
            "ingress_client": "192.0.2.1",
            "ingress_subpath": "chat/completions",
            "ingress_headers": {**sent, "Tracestate": ["a=1"]},
            "model": "fast",
            "outbound_headers": sent,
            "outbound_payload": {"model": "gpt-x", "max_tokens": 50, "temperature": 0, "messages": messages},
            "url_path": URL,
            "url": URL,
            "attempts": [first | {"timer": timer(3, 10)}, last | {"timer": timer(11, 20)}],
            "processors": [run("filter", 1, 2, required=True), run("tagger", 2, 2.5, completed=False)],
            "ingress_outbound_timer": timer(0, 11),
        },
        "response": {
            "gl_path": "/v1/",
            "inbound_status_code": 200,
            "inbound_headers": {"Content-Type": ["text/event-stream"]},
            "inbound_payload": {"id": "chatcmpl-1", "model": "gpt-x-2026", "choices": [said]},
            "inbound_stream": {"chunks": 3, "first_chunk_timer": timer(11, 21), "completed": True},
            "egress_status_code": 200,
            "processors_async": [run("counter", 31, 33)],
            "outbound_inbound_timer": timer(11, 29),
            "inbound_egress_timer": timer(29, 30),
        },
        "usage": {"source": "provider", "prompt_tokens": 9, "completion_tokens": 2, "cached_tokens": 4},
        "cost": {"usd": "0.00025", "prices": "2026-11-30"},
        "client": {"key": "k1", "name": "app", "owner": "team", "tags": ["a", "b"]},
        "ingress_egress_timer": timer(0, 30),
        "egress_post_timer": timer(30, 33),
    }
