"""Users, sessions, API tokens and the audit log, by their pages."""

import re

from tests.support.gui import SECRET, Browser, new_token, new_user


def test_a_user_from_its_creation_to_its_end(signed_in):
    viewer = new_user(signed_in, "vera", "viewer")
    assert viewer.get("/mainmenu").status == 200
    assert "Users" not in re.findall(r"</svg>([^<]+)</a>", viewer.get("/mainmenu").text)
    assert [viewer.get(page).status for page in ("/users", "/audit")] == [403, 403]
    token = viewer.get("/mainmenu").csrf_token
    assert viewer.post("/users", token=token, name="mallory", role="admin").status == 403

    assert signed_in.submit("/users", "/users/vera/change", role="editor", payloads="on").status == 302
    assert viewer.get("/mainmenu").location == "/login"  # its sessions have ended
    assert viewer.sign_in("vera", "password of vera").status == 302
    assert signed_in.submit("/users", "/users/vera/delete").status == 302
    assert viewer.get("/mainmenu").location == "/login"
    assert viewer.sign_in("vera", "password of vera").status == 400


def test_what_cannot_be_done_to_users(signed_in):
    def refused(path, **form):
        reply = signed_in.submit("/users", path, **form)
        assert reply.status in {400, 409}
        return reply.text

    assert "already" in refused("/users", name="admin", role="viewer")
    for name in ("", "<b>", "a b", "../x", "x" * 65):
        assert "must be letters" in refused("/users", name=name, role="viewer")
    refused("/users", name="x", role="root")
    assert "your own rights" in refused("/users/admin/change", role="viewer")
    assert "yourself" in refused("/users/admin/delete")
    assert "GUI_SECRET" in refused("/users/admin/password")
    assert "there is no user" in refused("/users/nobody/delete")


def test_sessions_can_be_ended(signed_in):
    other = Browser(signed_in.port)
    other.sign_in()
    page = signed_in.get("/users").text
    own = [row for row in page.split("<tr>") if "this one" in row]
    ids = re.findall(r"sessions/([0-9a-f]+)/end", page)
    (others,) = [one for one in ids if one not in own[0]]
    assert signed_in.submit("/users", f"/sessions/{others}/end").location == "/users"
    assert other.get("/mainmenu").location == "/login"
    assert signed_in.get("/mainmenu").status == 200


def test_tokens_end_with_the_rights_of_who_made_them(signed_in):
    def status(token):
        return Browser(signed_in.port).get("/api/me", Authorization=f"Bearer {token}").status

    own = new_token(signed_in, "viewer")
    for action, form in (
        ("change", {"role": "editor"}),
        ("change", {"role": "admin", "disabled": "on"}),
        ("delete", {}),
    ):
        name = f"other-{action}-{len(form)}"
        token = new_token(new_user(signed_in, name, "admin"), "admin")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = b'{"name": "second", "role": "admin", "days": 1}'
        second = Browser(signed_in.port).request("POST", "/api/tokens", body, headers).json["token"]
        assert signed_in.submit("/users", f"/users/{name}/change", role="admin", payloads="on").status == 302
        assert [status(token), status(second)] == [200, 200]
        assert signed_in.submit("/users", f"/users/{name}/{action}", **form).status == 302
        assert [status(token), status(second), status(own)] == [401, 401, 200]


def test_the_audit_log_has_what_was_done(signed_in):
    new_user(signed_in, "vera", "viewer")
    Browser(signed_in.port).sign_in("vera", "wrong <script>")
    page = signed_in.get("/audit").text
    assert "create user" in page
    assert "sign-in refused" in page
    assert SECRET not in page
    assert "wrong &lt;script" not in page
    assert "create user" not in signed_in.get("/audit?text=refused").text
    assert signed_in.get("/audit?before=1&text=%25").status == 200
