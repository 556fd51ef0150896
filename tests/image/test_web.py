"""A newcomer's first day with the image, by HTTP: the password of the first start, a router, a call, and a key."""

import json

import openai

from tests.image.configs import put_moved_configs
from tests.image.engine import HARDENED
from tests.support.gui import Browser, new_token
from tests.support.waiting import DEADLINE, until

OWN = "a password of my own"


def ask(base, key):
    """The answer of the dummy LLM, by the SDK of OpenAI."""
    with openai.OpenAI(base_url=base, api_key=key) as client:
        asked = {"model": "dummy", "messages": [{"role": "user", "content": "Hello"}]}
        return client.chat.completions.create(**asked).choices[0].message.content


def is_accepted(base, key):
    try:
        return ask(base, key) == "You said: Hello"
    except openai.AuthenticationError:  # the gateway does not know it yet
        return False


def requests(port, token):
    """Returns a function that asks the management API, and returns what it says."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def request(method, path, body=None, **more):
        data = b"" if body is None else json.dumps(body).encode()
        reply = Browser(port).request(method, f"/api{path}", data, headers | more)
        assert reply.status < 300, reply.text
        return reply.json

    return request


def test_from_the_first_sign_in_to_a_call_with_an_own_key(containers, engine, volume):
    """The root file system is read-only, and the interface deploys into a folder of configs that is mounted."""
    ports = put_moved_configs(engine, volume, owner="10001:0")
    mounts = ("--tmpfs", "/app", "--volume", f"{volume}:/app/conf")
    container = containers(*engine.read_only, *HARDENED, *mounts, network="host")
    container.becomes_healthy()
    gateway = f"http://127.0.0.1:{ports['5380']}"

    browser, first = Browser(ports["8080"]), container.exec("cat", "/app/secrets/GUI_SECRET").strip()
    assert browser.sign_in("admin", "not the password").status == 400
    assert browser.sign_in("admin", first).location == "/password"
    form = {"current": first, "password": OWN, "repeated": OWN}
    assert browser.submit("/password", "/password", **form).location == "/mainmenu"
    assert container.code("test", "-e", "/app/secrets/GUI_SECRET") == 1
    assert browser.get("/mainmenu").status == 200
    for file in ("htmx.min.js", "tabler.min.css", "uplot.min.js", "swagger-ui-bundle.js"):
        assert browser.get(f"/static/{file}").status == 200

    request = requests(ports["8080"], new_token(browser, "admin"))
    router = {"path": "/mine/", "outbound": {"url": f"http://127.0.0.1:{ports['5390']}/"}}
    draft = json.loads(request("GET", "/config/gl/draft")["text"])
    text = json.dumps(draft | {"routers": [*draft["routers"], router]}, indent=2)
    based_on = {"If-Match": request("GET", "/config/gl")["draft_sha256"]}
    edited = request("PUT", "/config/gl/draft", {"text": text}, **based_on)
    assert (edited["status"], edited["valid"]) == ("Staged", True), edited
    request("POST", "/config/gl/deploy", {name: edited[name] for name in ("draft_sha256", "deployed_sha256")})
    until(
        lambda: request("GET", "/config/gl")["status"] == "Deployed and in Production",
        "the deployed config in force",
        DEADLINE,
    )

    assert ask(f"{gateway}/mine/v1", "none") == "You said: Hello"
    until(lambda: [one for one in request("GET", "/calls") if one["router"] == "/mine/"], "the live call")
    secret = request("POST", "/keys", {"name": "my laptop"})["secret"]
    until(lambda: is_accepted(f"{gateway}/v1", secret), "an answer for the key")
    until(
        lambda: [one for one in container.records() if (one.get("client") or {}).get("name") == "my laptop"],
        "the record of the call with the key",
    )
    assert secret not in container.exec("cat", "/app/log/gecholog.jsonl")
    until(lambda: request("GET", "/overview?range=1h")["sums"]["calls"] >= 2, "the calls in the ledger")
