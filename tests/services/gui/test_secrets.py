"""The secret store by page, API and command; and a config that names a secret, from its deployment to a call."""

import json
import subprocess
import sys

import pytest

from gecholog.secret_store import SecretStore
from tests.support.gui import CONF, Browser, new_token, new_user

CANARY = "sk-CaNaRy-42"


@pytest.fixture
def conf(home):
    folder = home / "conf"
    folder.mkdir(parents=True)
    (folder / "gl_config.json").write_bytes((CONF / "gl_config.json").read_bytes())
    return folder


def api(browser, method, path, token, body=None, **headers):
    given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | headers
    return browser.request(method, f"/api{path}", json.dumps(body).encode() if body is not None else b"", given)


def test_a_secret_is_stored_listed_and_deleted_but_never_shown(conf, signed_in, home):
    form = {"name": "OPENAI", "value": CANARY, "hosts": "api.openai.com\n*.Example.com, http://10.0.0.5:8080"}
    assert signed_in.submit("/secrets", "/secrets", **form).status == 302
    page = signed_in.get("/secrets")
    assert "The secret OPENAI is stored. Write it as ${secret:OPENAI}." in page.text
    assert "api.openai.com<br>*.example.com<br>http://10.0.0.5:8080" in page.text
    assert SecretStore(home, {}).open("OPENAI").value == CANARY
    told = [page.text, signed_in.get("/secrets?name=OPENAI").text, signed_in.get("/audit").text]
    assert all(CANARY not in text for text in told)
    assert "store secret" in told[2]

    wrong = signed_in.submit("/secrets", "/secrets", **form | {"name": "B", "hosts": "*.com"})
    assert wrong.status == 400
    assert "whole top-level domain" in wrong.text
    assert CANARY not in wrong.text
    assert signed_in.submit("/secrets", "/secrets/OPENAI/delete").status == 302
    assert SecretStore(home, {}).entries() == ()
    assert signed_in.submit("/secrets", "/secrets/OPENAI/delete").status == 404


def test_the_api_and_who_may(conf, signed_in, home):
    token = new_token(signed_in, "admin")
    program = Browser(signed_in.port)
    made = api(program, "PUT", "/secrets/OPENAI", token, {"value": CANARY, "hosts": ["api.openai.com"]})
    assert (made.status, made.json["hosts"]) == (200, ["api.openai.com"])
    assert api(program, "PUT", "/secrets/a.b", token, {"value": CANARY, "hosts": ["a.example.com"]}).status == 400
    assert api(program, "PUT", "/secrets/B", token, {"value": CANARY, "hosts": []}).status == 400
    (listed,) = api(program, "GET", "/secrets", token).json
    assert listed["name"] == "OPENAI"
    assert CANARY not in json.dumps(listed)

    editor, viewer = (new_user(signed_in, name, name) for name in ("editor", "viewer"))
    assert "OPENAI" in editor.get("/secrets").text
    assert 'name="value"' not in editor.get("/secrets").text
    assert viewer.get("/secrets").status == 403
    for browser in (editor, viewer):
        csrf = browser.get("/password").csrf_token
        reply = browser.post("/secrets", token=csrf, name="OPENAI", value="mine", hosts="evil.example")
        assert reply.status == 403
    assert SecretStore(home, {}).open("OPENAI").value == CANARY
    assert api(program, "DELETE", "/secrets/OPENAI", token).status == 204
    assert api(program, "DELETE", "/secrets/OPENAI", token).status == 404


def test_an_editor_uses_a_secret_for_its_hosts_only(conf, signed_in, home):
    """No administrator is needed for that, and none can send it elsewhere."""
    SecretStore(home, {}).put("OPENAI", CANARY, ("api.openai.com",), "ann")
    editor = new_user(signed_in, "editor", "editor")
    token, program = new_token(signed_in, "editor"), Browser(signed_in.port)

    def draft(url):
        value = json.loads((CONF / "gl_config.json").read_text("utf-8"))
        headers = {"Authorization": ["Bearer ${secret:OPENAI}"]}
        value["routers"].append(
            {"path": "/own/", "ingress": {"headers": {}}, "outbound": {"url": url, "headers": headers}}
        )
        before = api(program, "GET", "/config/gl", token).json["draft_sha256"]
        body = {"text": json.dumps(value, indent=2)}
        return api(program, "PUT", "/config/gl/draft", token, body, **{"If-Match": before}).json

    stolen = draft("https://evil.example")
    assert stolen["valid"] is False
    assert "would send the secret OPENAI to evil.example" in stolen["findings"][0]["message"]
    for browser in (signed_in, editor):
        assert CANARY not in browser.get("/config/gl/raw").text
        csrf, state = browser.get("/config/gl").csrf_token, api(program, "GET", "/config/gl", token).json
        form = {"expected": state["draft_sha256"], "expected_deployed": state["deployed_sha256"]}
        reply = browser.post("/config/gl/deploy", token=csrf, **form)
        assert (reply.status, "The draft is invalid." in reply.text) == (422, True)

    good = draft("https://api.openai.com/v1")
    assert good["valid"] is True, good
    index = len(json.loads((CONF / "gl_config.json").read_text("utf-8"))["routers"])
    assert "secret:OPENAI</code> is set" in editor.get(f"/config/gl/form?at=/routers/{index}").text
    done = api(program, "POST", "/config/gl/deploy", token, {n: good[n] for n in ("draft_sha256", "deployed_sha256")})
    assert done.status == 200, done.text
    assert "${secret:OPENAI}" in (conf / "gl_config.json").read_text()
    assert "Gateway" in signed_in.get("/secrets").text


def command(home, *words, value=""):
    return subprocess.run(
        [sys.executable, "-m", "services.gui.secrets", *words],
        input=value,
        text=True,
        capture_output=True,
        env={"GECHOLOG_HOME": str(home), "PATH": "/usr/bin"},
        check=False,
    )


def test_the_command(tmp_path):
    done = command(
        tmp_path, "set", "OPENAI", "--host", "api.openai.com", "--host", "*.example.com", value=f"{CANARY}\n"
    )
    assert (done.returncode, done.stdout) == (0, "stored OPENAI: write it as ${secret:OPENAI}\n")
    assert SecretStore(tmp_path, {}).open("OPENAI").value == CANARY
    listed = command(tmp_path, "list", "--json")
    assert json.loads(listed.stdout)[0]["hosts"] == ["api.openai.com", "*.example.com"]
    assert command(tmp_path, "set", "A", "--host", "*.com", value="x").stderr == (
        "error: *.com would be a whole top-level domain\n"
    )
    assert command(tmp_path, "delete", "OPENAI").stdout == "deleted OPENAI\n"
    assert command(tmp_path, "delete", "OPENAI").returncode == 1
