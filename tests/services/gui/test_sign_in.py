"""Signing in and out, as the original's black-box tests ask for it, and as ours differs on purpose."""

import hashlib
import re
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.gui.service import READY
from tests.support.gui import SECRET, Browser, gui_config
from tests.support.waiting import until

PAGES = ("/mainmenu", "/password", "/logout")


def test_pages_lead_to_the_sign_in(gui, browser):
    assert browser.get("/").location == "/login"
    assert [browser.get(page).status for page in PAGES] == [302] * 3
    assert browser.get("/mainmenu").location == "/login"
    assert browser.get("/password").location == "/login?next=%2Fpassword"
    assert browser.get("/nothing").status == 404
    assert browser.request("PUT", "/login").status == 404


def test_a_wrong_password_shows_the_form_again(gui, browser):
    for reply in (
        browser.sign_in(password="bad"),
        browser.request("POST", "/login", b'{"password": "geheim123"}', {"Content-Type": "application/json"}),
        browser.request("POST", "/login"),
    ):
        assert reply.status == 400
        assert 'id="login-status"' in reply.text
        assert 'name="password"' in reply.text
        assert "mysession" not in browser.cookies


def test_the_right_password_begins_a_session(gui, browser):
    reply = browser.sign_in()
    assert (reply.status, reply.location) == (302, "/mainmenu")
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("mysession=")
    assert {"HttpOnly", "Path=/", "Max-Age=600", "SameSite=Lax"} <= set(re.split("; ", cookie))
    page = browser.get("/mainmenu")
    assert page.status == 200
    assert page.headers["Set-Cookie"].startswith("mysession=")
    assert page.headers["Cache-Control"] == "no-store"
    assert browser.sign_in(user="admin").status == 302
    assert browser.get("/login").status == 200


def test_an_address_is_locked_for_an_account_and_nobody_else_is(start_gui, browser):
    process = start_gui(lock_seconds=2)
    other = Browser(browser.port)
    assert other.sign_in().status == 302
    replies = [browser.sign_in(password="wrong") for _ in range(6)]
    assert [reply.status for reply in replies] == [400] * 5 + [423]
    assert int(replies[-1].headers["Retry-After"]) >= 1
    assert browser.sign_in().status == 423
    assert other.get("/mainmenu").status == 200
    assert process.is_running
    until(lambda: browser.sign_in().status == 302, "the end of the lock")


def test_parallel_passwords_are_limited_as_others_are(gui, browser):
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: Browser(browser.port).sign_in(password="wrong"), range(16)))
    assert {reply.status for reply in replies} <= {400, 423}
    assert browser.sign_in("nobody", "the last").status == 400
    until(lambda: any(entry.get("user") == "nobody" for entry in gui.entries), "the log line of the last attempt")
    assert 1 <= gui.messages().count("sign-in refused") - 1 <= 6  # passwords that were compared


def test_a_name_that_nobody_can_have_is_not_looked_for(gui, browser):
    reply = browser.sign_in("x" * 65)
    assert (reply.status, "x" * 65 in reply.text) == (400, False)


def test_without_a_limit_nobody_is_locked(start_gui, browser):
    start_gui(failed_authentication_limit=0)
    assert {browser.sign_in(password="wrong").status for _ in range(7)} == {400}


def test_signing_out_ends_the_session_everywhere(signed_in):
    old = Browser(signed_in.port, dict(signed_in.cookies))
    assert "Do you want to sign out" in signed_in.get("/logout").text
    assert old.get("/mainmenu").status == 200  # a link changes nothing
    assert signed_in.submit("/logout", "/logout").location == "/login"
    assert "mysession" not in signed_in.cookies
    assert old.get("/mainmenu").location == "/login"


def test_a_form_of_another_site_changes_nothing(signed_in):
    token = signed_in.get("/logout").csrf_token
    foreign = {"Origin": "https://evil.example"}
    assert signed_in.post("/logout").status == 403
    assert signed_in.post("/logout", token="0" * 32).status == 403
    assert signed_in.post("/logout", token=token, headers=foreign).status == 403
    assert signed_in.post("/logout", token=token, headers={"Sec-Fetch-Site": "cross-site"}).status == 403
    assert signed_in.post("/logout", token=token, headers={"Origin": "null"}).status == 403
    assert signed_in.get("/mainmenu").status == 200
    assert Browser(signed_in.port).post("/login", password=SECRET, headers=foreign).status == 403


def test_a_form_is_read_for_those_who_may_send_it(gui, browser):
    assert browser.post("/login", password="x" * 16_000).status == 400
    assert browser.post("/login", password="x" * 17_000).status == 413
    assert browser.post("/theme", theme="x" * 17_000).status == 413
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "1000000"}
    for path in ("/users", "/config/gl/raw", "/password"):  # no body comes, and none is waited for
        assert browser.request("POST", path, b"", headers).location.startswith("/login")


@pytest.mark.parametrize(
    "target", ["//evil.example/x", "https://evil.example", "javascript:alert(1)", "/\\evil", "/../x"]
)
def test_nobody_is_led_to_another_site(gui, browser, target):
    assert target not in browser.get(f"/login?next={target}").text
    reply = browser.post("/login", password=SECRET, next=target)
    assert (reply.status, reply.location) == (302, "/mainmenu")


def test_a_visitor_is_led_back_to_the_page(gui, browser):
    assert browser.post("/login", password=SECRET, next="/password?x=1").location == "/password?x=1"


def test_a_generated_password_has_to_be_changed_and_its_file_goes(start_gui, browser, home: Path):
    secret = "a" * 16 + "B" * 16
    file = home / "secrets" / "GUI_SECRET"
    file.parent.mkdir(parents=True)
    file.write_text(secret)
    process = start_gui(secret)
    assert str(file) in browser.get("/login").text
    assert browser.sign_in(password=secret).location == "/password"
    assert browser.get("/mainmenu").location == "/password"
    form = {"current": secret, "password": "a new one", "repeated": "a new one"}
    assert browser.submit("/password", "/password", **form | {"repeated": "another"}).status == 400
    assert browser.submit("/password", "/password", **form | {"current": "wrong"}).status == 400
    assert browser.submit("/password", "/password", **form | {"password": "short", "repeated": "short"}).status == 400
    assert browser.submit("/password", "/password", **form).location == "/mainmenu"
    assert "Your password is changed." in browser.get("/mainmenu").text
    assert not file.exists()

    assert process.stop() == 0
    start_gui(secret)  # ginit restarts it with the same environment
    assert Browser(browser.port).sign_in(password=secret).status == 400
    assert Browser(browser.port).sign_in(password="a new one").location == "/mainmenu"


def test_a_given_password_is_managed_by_the_environment(start_gui, browser):
    process = start_gui()
    browser.sign_in()
    assert "managed by the environment" in browser.get("/password").text
    token = browser.get("/mainmenu").csrf_token
    form = {"current": SECRET, "password": "another one", "repeated": "another one"}
    assert browser.post("/password", token=token, **form).status == 409
    assert process.stop() == 0
    start_gui("other-secret")
    assert Browser(browser.port).sign_in().status == 400
    assert Browser(browser.port).sign_in(password="other-secret").status == 302
    assert browser.get("/mainmenu").status == 200  # the session is still the same user's


def test_the_store_holds_neither_the_password_nor_sessions_in_clear(signed_in, home: Path):
    data = b"".join(file.read_bytes() for file in (home / "data").iterdir())
    token = signed_in.cookies["mysession"]
    assert SECRET.encode() not in data
    assert token.encode() not in data
    assert hashlib.sha256(token.encode()).digest() in data
    assert {file.stat().st_mode & 0o777 for file in (home / "data").iterdir()} == {0o600}


def test_secrets_are_in_no_log(gui, browser):
    browser.sign_in(password="a-wrong-password")
    browser.sign_in()
    gui.wait_for_log("signed in")
    assert not [secret for secret in (SECRET, "a-wrong-password", *browser.cookies.values()) if secret in gui.output]


def test_a_session_survives_a_restart_and_a_reload(start_gui, browser):
    process = start_gui()
    browser.sign_in()
    process.hang_up()
    process.wait_for_log("config in force")
    assert browser.get("/mainmenu").status == 200
    assert process.stop() == 0
    start_gui()
    assert browser.get("/mainmenu").status == 200


def test_over_tls_the_cookie_is_bound_to_the_host(start_gui, free_port, tls_files):
    ingress = {
        "enabled": True,
        "certificate_file": str(tls_files.certificate),
        "private_key_file": str(tls_files.private_key),
    }
    start_gui(tls={"ingress": ingress})
    browser = Browser(free_port, context=ssl.create_default_context(cafile=str(tls_files.authority)))
    cookie = browser.sign_in().headers["Set-Cookie"]
    assert cookie.startswith("__Host-mysession=")
    assert "Secure" in cookie
    assert browser.get("/mainmenu").headers["Strict-Transport-Security"]


def test_a_missing_certificate_ends_the_start_with_the_reason(run_service, free_port, home):
    ingress = {"enabled": True, "certificate_file": "/nope.pem", "private_key_file": "/nope.key"}
    env = {"GUI_SECRET": SECRET, "NATS_TOKEN": "none", "GECHOLOG_HOME": str(home)}
    process = run_service("services.gui", gui_config(free_port, tls={"ingress": ingress}), env=env, home=home)
    assert process.wait() == 1
    assert "No such file" in process.output
    assert READY not in process.messages()
