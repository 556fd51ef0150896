"""What the broker's tests share: the targets, the entries in gl's config, and a client of the bus."""

import json

from tests.processors.asking import Asking

TARGETS = ("/a/one/", "/a/two/", "/a/three.5_b-c/")
REFUSAL = {
    "error": {
        "message": "no target is available, try again later",
        "type": "server_error",
        "code": "no_target_available",
    }
}


REQUEST_ENTRY = {
    "name": "broker",
    "service_bus_topic": "coburn.gl.broker",
    "timeout": 5000,
    "modifier": True,
    "async": False,
    "input_fields_include": ["gl_path", "control"],
    "output_fields_write": ["gl_path", "fallback_paths", "control", "control_status_code", "control_headers"],
}
RESPONSE_ENTRY = {
    "name": "broker",
    "service_bus_topic": "coburn.gl.broker",
    "timeout": 5000,
    "modifier": False,
    "async": True,
    "input_fields_include": ["gl_path", "egress_status_code", "egress_headers", "attempts"],
    "output_fields_write": [],
}
THE_ORIGINALS_REQUEST_ENTRY = REQUEST_ENTRY | {
    "input_fields_include": ["gl_path"],
    "output_fields_write": ["gl_path"],
}
THE_ORIGINALS_RESPONSE_ENTRY = RESPONSE_ENTRY | {"input_fields_include": ["gl_path", "egress_status_code"]}


class Client(Asking):
    """Sends requests on a bus, as gl does."""

    SUBJECT = "coburn.gl.broker"

    async def request(self, path="/a/", **more):
        """Return the fields that the broker writes for a request, or {}."""
        answer = await self.send(json.dumps({"gl_path": path}).encode(), **more)
        return json.loads(answer) if answer else {}

    async def response(self, path, status, **fields):
        """Send the broker a response."""
        message = {"gl_path": path, "egress_status_code": status} | fields
        assert await self.send(json.dumps(message).encode()) == b""

    async def paths(self, times=30):
        """Return the targets that calls are sent to first."""
        return {(await self.request()).get("gl_path") for _ in range(times)}
