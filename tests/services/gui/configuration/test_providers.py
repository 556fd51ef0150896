"""The page of providers, and the test of one with a real gateway and a real upstream."""

import json

from tests.support.gui import new_user
from tests.support.ports import free_port


def with_providers(conf, port):
    file = conf / "gl_config.json"
    value = json.loads(file.read_text("utf-8"))
    value["providers"] = [
        {"name": "local", "dialect": "dummy", "url": f"http://127.0.0.1:{port}/v1"},
        {"name": "gone", "dialect": "dummy", "url": "http://127.0.0.1:1/v1"},
        {"name": "unset", "dialect": "openai", "profile": "openai", "api_key": "${NO_SUCH_KEY}"},
    ]
    file.write_text(json.dumps(value, indent=2), "utf-8")


def test_a_provider_is_tested(conf, run_service, signed_in):
    port = free_port()
    dummy = json.loads((conf / "dummy_config.json").read_text("utf-8"))
    run_service("services.dummy", dummy | {"port": port}).wait_for_log("listening for requests")
    with_providers(conf, port)
    page = signed_in.get("/providers")
    assert "NO_SUCH_KEY is not set" in page.text
    assert "costs a little" in signed_in.get("/providers/test?name=local").text

    def test(**form):
        return signed_in.submit(
            "/providers/test?name=local", "/providers/test", **{"name": "local", "op": "list"} | form
        )

    listed = test()
    assert (listed.status, "It answers" in listed.text, "<li>dummy</li>" in listed.text) == (200, True, True), (
        listed.text
    )
    token = test(op="token", model="dummy")
    assert "It answers" in token.text
    assert "chat.completion" in token.text
    assert "Name the model" in test(op="token", model=" ").text
    assert "does not answer as it should" in test(name="gone").text
    assert "NO_SUCH_KEY" in test(name="unset").text
    assert test(name="none").status == 404
    assert "test provider" in signed_in.get("/audit").text
    viewer = new_user(signed_in, "vera", "viewer")
    token = viewer.get("/mainmenu").csrf_token
    assert viewer.post("/providers/test", token=token, name="local", op="list").status == 403
