"""A deployment in a real appliance: ginit, supervisord, nats-server and gl."""

import hashlib
import json
import socket

import pytest

from tests.support.gui import SECRET, Browser
from tests.support.waiting import DEADLINE, until
from tests.system.conftest import UP, Default


@pytest.fixture
def appliance(tmp_path):
    made = Default(tmp_path / "app")
    config = made.config("ginit_config")
    value = json.loads(config.read_text("utf-8"))
    wanted = {"nats-server", "gl", "gui"}
    value["services"] = [one for one in value["services"] if one["name"] in wanted]
    config.write_text(json.dumps(value), "utf-8")
    yield made
    made.close()


@pytest.fixture
def browser(appliance):
    appliance.start(*UP, GUI_SECRET=SECRET)
    serving = appliance.folder / "checksum" / ".gui_config.sha256"
    until(serving.exists, "the interface serves", seconds=4 * DEADLINE)  # three services start before it
    port = json.loads(appliance.config("gui_config").read_text("utf-8"))["gui_port"]
    browser = Browser(port)
    assert browser.sign_in().status == 302
    return browser


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def deploy(browser, page):
    expected = page.text.split('name="expected" value="')[1][:64]
    deployed = page.text.split('name="expected_deployed" value="')[1][:64]
    return browser.post("/config/gl/deploy", token=page.csrf_token, expected=expected, expected_deployed=deployed)


def in_force(appliance):
    try:
        return (appliance.folder / "checksum" / ".gl_config.sha256").read_text("ascii")
    except FileNotFoundError:
        return None


@pytest.mark.slow
@pytest.mark.timeout(480)  # services start, validate and reload, one after another
def test_from_the_form_into_force(appliance, browser, save):
    """One field is edited and deployed: only its bytes differ, gl serves with it, and the page says so.

    After that, a port that is taken: gl refuses the file, goes on as before, and the page shows its reason.
    """
    file = appliance.config("gl_config")
    before = file.read_bytes()
    until(lambda: in_force(appliance) == sha256(before), "gl serves")
    assert "Deployed and in Production" in browser.get("/config/gl").text
    save(browser, "/config/gl/form", **{"f:/gateway_id": "EDITED01"})
    assert "Staged" in browser.get("/config/gl").text
    assert deploy(browser, browser.get("/config/gl/deploy")).location == "/config/gl"
    after = file.read_bytes()
    assert after == before.replace(b'"GECHO001"', b'"EDITED01"', 1)
    assert after != before
    until(lambda: in_force(appliance) == sha256(after), "the deployed file is in force")
    assert "The deployed file is in force" in browser.get("/config/gl/progress").text
    assert "Deployed and in Production" in browser.get("/config/gl").text

    with socket.create_server(("127.0.0.1", 0)) as taken:
        save(browser, "/config/gl/form", **{"f:/gl_port": str(taken.getsockname()[1]), "f:/gl_host": "127.0.0.1"})
        assert deploy(browser, browser.get("/config/gl/deploy")).status == 302
        until(lambda: "Rejected" in browser.get("/config/gl").text, "the refusal is shown")
        shown = browser.get("/config/gl/progress").text
        assert "is taken" in shown
        assert in_force(appliance) == sha256(after)


@pytest.mark.slow
@pytest.mark.timeout(480)  # services start, validate and reload, one after another
def test_try_it(appliance, browser, save):
    """A router of the draft is tried with a gateway of its own; the record log and the running gateway see nothing."""
    until(lambda: in_force(appliance), "gl serves")
    save(browser, "/config/gl/form?at=/routers/1", **{"f:/routers/1/path": "/mirror/"})
    page = browser.get("/routers/try?router=/mirror/")
    form = {"method": "POST", "router": "/mirror/", "rest": "x/echo", "body": '{"hello": "trial"}'}
    reply = browser.post("/routers/try", token=page.csrf_token, **form)
    assert reply.status == 200, reply.text
    assert "Response" in reply.text
    assert not list((appliance.folder / "run" / "gui").glob("trial-*"))
    reply = browser.post("/routers/try", token=page.csrf_token, **(form | {"router": "/none/"}))
    assert reply.status == 422
