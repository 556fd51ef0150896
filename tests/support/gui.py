"""The web interface as a process, and a browser without scripts that visits it."""

import http.client
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from tests.support.waiting import DEADLINE

SECRET = "geheim123"
CONF = Path(__file__).parents[2] / "conf"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def gui_config(port: int, bus: str = "127.0.0.1:1", **changed: Any) -> dict[str, Any]:
    """The shipped config with another port and another bus."""
    shipped = json.loads((CONF / "gui_config.json").read_text("utf-8"))
    service_bus = shipped["service_bus"] | {"hostname": bus}
    return shipped | {"gui_port": port, "gui_host": "127.0.0.1", "service_bus": service_bus} | changed


@dataclass
class Reply:
    """A response; `location` is absolute on this host."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    location: str = ""

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def csrf_token(self) -> str:
        match = _TOKEN.search(self.text)
        assert match, self.text
        return match[1]


@dataclass
class Browser:
    """Keeps cookies, follows nothing by itself, and sends no headers that a program would not send."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    context: Any = None

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
        if self.context is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                "localhost", self.port, timeout=DEADLINE, context=self.context
            )
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        given = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        try:
            connection.request(method, path, body or None, given | (headers or {}))
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, _, rest = cookie.partition("=")
            value = rest.split(";")[0].strip(chr(34))
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        location = response.headers.get("Location", "")
        return Reply(response.status, response.headers, data, location and urljoin(f"http://host{path}", location)[11:])

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, *, token: str = "", headers: dict[str, str] | None = None, **form: Any) -> Reply:
        fields = [
            (name, one) for name, value in form.items() for one in (value if isinstance(value, list) else [value])
        ]
        body = urlencode([*fields, *([("csrf_token", token)] if token else [])]).encode()
        given = {"Content-Type": "application/x-www-form-urlencoded"} | (headers or {})
        return self.request("POST", path, body, given)

    def submit(self, page: str, path: str, **form: Any) -> Reply:
        """Load a page for its token, and post a form."""
        return self.post(path, token=self.get(page).csrf_token, **form)

    def sign_in(self, user: str = "", password: str = SECRET) -> Reply:
        given = {"user": user} if user else {}
        return self.post("/login", password=password, **given)

    def follow(self, reply: Reply) -> Reply:
        return self.get(urlsplit(reply.location).path or "/")


_SHOWN_ONCE = re.compile(r'<code id="secret">([^<]+)</code>')


def new_user(admin: Browser, name: str, role: str, **more: str) -> Browser:
    """Make a user by the page of an admin, and sign in as that user with a password of its own."""
    reply = admin.submit("/users", "/users", name=name, role=role, **more)
    match = _SHOWN_ONCE.search(reply.text)
    assert reply.status == 201, reply.text
    assert match
    browser = Browser(admin.port)
    assert browser.sign_in(name, match[1]).location == "/password"
    form = {"current": match[1], "password": f"password of {name}", "repeated": f"password of {name}"}
    assert browser.submit("/password", "/password", **form).location == "/mainmenu"
    return browser


def new_token(admin: Browser, role: str) -> str:
    """Make an API token by the page of an admin."""
    reply = admin.submit("/users", "/tokens", name=f"token of {role}", role=role, days="1")
    match = _SHOWN_ONCE.search(reply.text)
    assert match, reply.text
    return match[1]
