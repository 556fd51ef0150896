"""The management API with tokens, its document, and calls that are passed on to the gateway."""

import asyncio
import json

import jsonschema
import pytest

from services.gui.api.document import openapi
from services.gui.api.operations import OPERATIONS
from tests.support.gui import Browser, new_token
from tests.support.target import Answer


class Api:
    def __init__(self, port, token):
        self.browser = Browser(port)
        self.headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method, path, body=None, **headers):
        given = self.headers | ({"Content-Type": "application/json"} if body is not None else {}) | headers
        data = b"" if body is None else json.dumps(body).encode()
        return self.browser.request(method, f"/api{path}", data, given)


@pytest.fixture
def api(signed_in):
    return Api(signed_in.port, new_token(signed_in, "admin"))


def test_a_user_by_the_api(api):
    made = api("POST", "/users", {"name": "vera", "role": "viewer"})
    assert made.status == 201
    assert Browser(api.browser.port).sign_in("vera", made.json["password"]).location == "/password"
    changed = api("PUT", "/users/vera", {"role": "editor", "payloads": True})
    assert (changed.status, changed.json["role"], changed.json["payloads"]) == (200, "editor", True)
    assert [user["name"] for user in api("GET", "/users").json] == ["admin", "vera"]
    assert api("DELETE", "/users/vera").status == 204
    assert api("DELETE", "/users/vera").status == 409
    actions = [entry["action"] for entry in api("GET", "/audit?text=token").json]
    assert actions == ["delete user", "change user", "create user", "create API token"]


def test_what_the_api_refuses(api, signed_in):
    assert api("GET", "/me", Authorization="Bearer gui_wrong").status == 401
    assert Browser(signed_in.port).get("/api/me").status == 401
    assert api("POST", "/users", {"name": "x", "roles": "admin"}).status == 400
    assert api("POST", "/users", {"name": "x", "role": "root"}).status == 400
    assert "message" in api("POST", "/users", {"name": ""}).json["error"]
    assert api.browser.request("POST", "/api/users", b"name=x", api.headers).status == 415
    assert api("POST", "/users", {"name": "x" * 300_000}).status == 413
    # a page of another site cannot use the session of a browser
    assert signed_in.request("POST", "/api/tokens", b"{}", {"Content-Type": "application/json"}).status == 403


def test_a_token_ends_when_it_is_revoked(api):
    token = api("POST", "/tokens", {"name": "short", "role": "viewer", "days": 1}).json
    other = Api(api.browser.port, token["token"])
    assert other("GET", "/me").json == {"name": "token short", "role": "viewer", "payloads": False}
    assert other("GET", "/users").status == 403
    assert api("DELETE", f"/tokens/{token['info']['id']}").status == 204
    assert other("GET", "/me").status == 401


def test_the_document_has_every_operation_and_valid_schemas(gui, browser):
    document = browser.get("/openapi.json").json
    assert document == openapi(OPERATIONS)
    for operation in OPERATIONS:
        assert operation.method.lower() in document["paths"][f"/api{operation.path}"]
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))
    assert browser.get("/openapi.yaml").text.startswith("openapi: 3.1.0")


async def test_calls_are_passed_on_as_they_arrive(target, start_gui, browser, home):
    """The gateway sees that they come from elsewhere, and nothing of the session."""
    (home / "conf").mkdir(parents=True)
    (home / "conf" / "gl_config.json").write_text(json.dumps({"gl_port": target.port}))
    await asyncio.to_thread(start_gui)
    await asyncio.to_thread(browser.sign_in)
    target.then(Answer(status=201, body=b'{"a": 1}', headers=(("X-One", "1"),)))
    headers = {"Authorization": "Bearer sk-gl-x", "Content-Type": "application/json", "X-Forwarded-For": "192.0.2.1"}
    reply = await asyncio.to_thread(browser.request, "POST", "/v1/chat/completions?x=%2F", b'{"b": 2}', headers)
    assert (reply.status, reply.body, reply.headers["X-One"]) == (201, b'{"a": 1}', "1")
    (request,) = target.requests
    assert request.body == b'{"b": 2}'
    assert request.target == "/v1/chat/completions?x=%2F"
    assert request.value("Authorization") == "Bearer sk-gl-x"
    assert request.value("X-Forwarded-For") == "127.0.0.1"
    assert request.value("Cookie") is None


async def test_answers_of_upstreams_are_no_pages_of_this_origin(target, start_gui, browser, home):
    (home / "conf").mkdir(parents=True)
    (home / "conf" / "gl_config.json").write_text(json.dumps({"gl_port": target.port}))
    await asyncio.to_thread(start_gui)
    harmful = (
        ("Set-Cookie", "mysession=x; Path=/"),
        ("Clear-Site-Data", '"*"'),
        ("Service-Worker-Allowed", "/"),
        ("Refresh", "0; url=https://evil.example"),
        ("Content-Security-Policy", "default-src *"),
    )
    target.then(Answer(body=b"<script>", headers=(*harmful, ("X-One", "1"))))
    headers = (
        await asyncio.to_thread(browser.get, "/v1/models", Sec_Fetch_Mode="cors", Sec_Fetch_Dest="empty")
    ).headers
    assert not {name for name, _ in harmful[:-1]} & set(headers)
    assert headers.get_all("Content-Security-Policy") == ["sandbox; default-src 'none'; frame-ancestors 'none'"]
    assert (headers["X-Content-Type-Options"], headers["X-One"]) == ("nosniff", "1")
    for one in ({"Sec_Fetch_Mode": "navigate"}, {"Sec_Fetch_Dest": "script"}, {"Sec_Fetch_Dest": "serviceworker"}):
        assert (await asyncio.to_thread(browser.get, "/v1/models", **one)).status == 403
    assert len(target.requests) == 1


def test_without_the_gateway_calls_get_a_502(gui, browser, home, free_port):
    (home / "conf").mkdir(parents=True, exist_ok=True)
    (home / "conf" / "gl_config.json").write_text('{"gl_port": 1}')
    assert browser.request("POST", "/v1/chat/completions", b"{}").status == 502
