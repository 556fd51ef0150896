"""The interface behind a proxy that serves it below a prefix, which it removes; and the command --reset-admin."""

import os
import subprocess
import sys
from urllib.parse import urljoin, urlsplit

from services.gui.roles import Role
from tests.support.gui import SECRET, Browser
from tests.support.process import environment_of

PREFIX = "/gecho"


def through(browser, method, path, **form):
    """A request below the prefix, as a proxy passes it on; returns the reply, and where it leads a browser to."""
    assert path.startswith(f"{PREFIX}/")
    inner = path.removeprefix(PREFIX)
    reply = browser.get(inner) if method == "GET" else browser.post(inner, **form)
    location = reply.headers.get("Location")
    return reply, urlsplit(urljoin(f"http://proxy{path}", location)).path if location else ""


def test_sign_in_pages_and_files_stay_below_the_prefix(gui, browser):
    assert through(browser, "GET", "/gecho/")[1] == "/gecho/login"
    page, _ = through(browser, "GET", "/gecho/login")
    for reference in [part.split('"')[0] for part in page.text.split('href="')[1:] + page.text.split('src="')[1:]]:
        assert urljoin("http://proxy/gecho/login", reference).startswith("http://proxy/gecho/static/")
    assert through(browser, "POST", "/gecho/login", password=SECRET)[1] == "/gecho/mainmenu"
    reply, _ = through(browser, "GET", "/gecho/mainmenu")
    assert reply.status == 200
    assert 'href="/' not in reply.text
    assert 'action="/' not in reply.text
    assert through(Browser(browser.port), "GET", "/gecho/logs")[1] == "/gecho/login"


def test_a_trusted_proxy_makes_the_cookie_secure(start_gui, browser):
    start_gui(trusted_proxies=["127.0.0.1"])
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    assert "__Host-mysession" in browser.post("/login", password=SECRET, headers=headers).headers["Set-Cookie"]


def reset(home, **environ):
    command = [sys.executable, "-m", "services.gui", "--reset-admin"]
    env = environment_of(home, {"GECHOLOG_HOME": os.fspath(home), **environ})
    return subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, check=False)


def test_a_lost_password_is_replaced(start_gui, browser, home):
    secret = "x" * 32
    (home / "secrets").mkdir(parents=True)
    (home / "secrets" / "GUI_SECRET").write_text(secret)
    start_gui(secret)
    assert browser.sign_in(password=secret).status == 302
    done = reset(home)
    assert done.returncode == 0, done.stderr
    fresh = done.stdout.split("password")[1].split()[0]
    assert browser.get("/password").location.startswith("/login")  # its sessions have ended
    assert browser.sign_in(password=secret).status == 400
    assert browser.sign_in(str(Role.ADMIN), fresh).location == "/password"


def test_a_given_password_is_not_replaced(gui, browser, home):
    for done in (reset(home), reset(home, GUI_SECRET=SECRET)):
        assert done.returncode == 1
        assert "GUI_SECRET" in done.stderr
    assert browser.sign_in().status == 302
