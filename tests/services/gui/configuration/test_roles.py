"""What viewers and editors can do with config files, and what they cannot."""

import hashlib
import json

import pytest

from tests.support.gui import new_user

LITERAL = "s3cret-in-the-file"


@pytest.fixture
def secret(conf):
    """A router with a secret that stands in the file."""
    file = conf / "gl_config.json"
    value = json.loads(file.read_text("utf-8"))
    value["routers"].append(
        {"path": "/secret/", "outbound": {"url": "https://known.example", "headers": {"Api-Key": [LITERAL]}}}
    )
    file.write_text(json.dumps(value, indent=2), "utf-8")
    return LITERAL


def checksum(data):
    return hashlib.sha256(data).hexdigest()


def deploy(browser, conf):
    page = browser.get("/config/gl/deploy")
    expected = page.text.split('name="expected" value="')[1][:64]
    now = checksum((conf / "gl_config.json").read_bytes())
    return browser.post("/config/gl/deploy", token=page.csrf_token, expected=expected, expected_deployed=now)


def test_viewers_read_and_change_nothing(conf, secret, signed_in):
    """All pages are there, without secrets; every form is refused."""
    viewer = new_user(signed_in, "vera", "viewer")
    token = viewer.get("/mainmenu").csrf_token
    before = (conf / "gl_config.json").read_bytes()
    pages = (
        "/config/gl",
        "/config/gl/form?at=/routers/6",
        "/config/gl/raw",
        "/config/gl/diff?with=template",
        "/config/gl/deploy",
        "/config/gl/archive/download?source=draft",
        "/config/gl/archive/download?source=deployed",
        "/routers",
        "/routers/try",
    )
    for page in pages:
        reply = viewer.get(page)
        assert reply.status == 200, page
        assert secret not in reply.text, page
    for path in (
        "/config/gl/form",
        "/config/gl/raw",
        "/config/gl/deploy",
        "/config/gl/discard",
        "/config/gl/archive",
        "/config/gl/archive/restore",
        "/config/gl/archive/delete",
        "/routers/try",
    ):
        assert viewer.post(path, token=token, expected=checksum(before), text="{}", op="save").status == 403, path
    assert (conf / "gl_config.json").read_bytes() == before


def test_editors_see_no_secrets_and_keep_them(conf, secret, signed_in, save):
    """The forms leave a hidden secret as it is; the raw editor is closed while the file holds one."""
    editor = new_user(signed_in, "eva", "editor")
    page = editor.get("/config/gl/form?at=/routers/6")
    assert secret not in page.text
    assert 'type="password"' in page.text
    save(editor, "/config/gl/form?at=/routers/6", **{"f:/routers/6/path": "/renamed/"})
    draft = (conf.parent / "working" / "gl_config_tmp.json").read_text("utf-8")
    assert secret in draft
    assert "/renamed/" in draft
    raw = editor.get("/config/gl/raw")
    assert secret not in raw.text
    assert "<textarea" not in raw.text
    reply = editor.post("/config/gl/raw", token=raw.csrf_token, expected=checksum(draft.encode()), text="{}")
    assert reply.status == 403
    assert deploy(editor, conf).status == 302
    assert secret in signed_in.get("/config/gl/raw").text


def test_a_guess_of_a_secret_is_not_confirmed(conf, secret, signed_in, save):
    """The right one and a wrong one get the same answer, wherever they are typed."""
    editor, field = new_user(signed_in, "eva", "editor"), "f:/routers/6/outbound/headers/Api-Key/0"
    before = (conf.parent / "working" / "gl_config_tmp.json").exists()
    answers = [save(editor, "/config/gl/form?at=/routers/6", **{field: guess}) for guess in (secret, "wrong")]
    assert [reply.status for reply in answers] == [403, 403]
    texts = [reply.text.split("<main")[1] for reply in answers]
    assert texts[0] == texts[1]
    assert (conf.parent / "working" / "gl_config_tmp.json").exists() is before
    for guess in (secret, "wrong-guess-of-it"):
        save(editor, "/config/gl/form?at=/routers/6", **{"f:/routers/6/outbound/endpoint": guess})
        assert guess in editor.get("/config/gl/form?at=/routers/6").text


def test_editors_cannot_send_a_secret_elsewhere(conf, secret, signed_in, save):
    """Neither by deploying nor by a trial; an admin is shown what it means, and may."""
    editor = new_user(signed_in, "eva", "editor")
    before = (conf / "gl_config.json").read_bytes()
    save(editor, "/config/gl/form?at=/routers/6", **{"f:/routers/6/outbound/url": "https://evil.example"})
    assert "Only an admin may deploy" in editor.get("/config/gl/deploy").text
    assert deploy(editor, conf).status == 403
    page = editor.get("/routers/try")
    reply = editor.post("/routers/try", token=page.csrf_token, router="/secret/", method="GET", rest="x")
    assert reply.status == 403
    assert (conf / "gl_config.json").read_bytes() == before
    assert "https://evil.example" in signed_in.get("/config/gl/deploy").text
    assert deploy(signed_in, conf).status == 302


def test_nobody_sends_the_secrets_of_the_appliance(conf, signed_in, save):
    save(
        signed_in,
        "/config/gl/form?at=/routers/5",
        **{"f:/routers/5/outbound/headers/Api-Key/0": "${NATS_TOKEN}"},
    )
    assert "NATS_TOKEN must not be sent" in signed_in.get("/config/gl/deploy").text
    assert deploy(signed_in, conf).status == 403
    (conf.parent / "link").symlink_to(conf.parent / "data")
    save(
        signed_in,
        "/config/gl/form?at=/routers/5",
        **{"f:/routers/5/outbound/headers/Api-Key/0": f"${{file:{conf.parent}/link/gui.db}}"},
    )
    assert "belongs to the appliance" in signed_in.get("/config/gl/deploy").text
    assert deploy(signed_in, conf).status == 403


def test_only_admins_change_what_names_programs(conf, signed_in):
    editor = new_user(signed_in, "eva", "editor")
    for name in ("ginit", "gui"):
        before = (conf / f"{name}_config.json").read_bytes()
        page = editor.get(f"/config/{name}/raw")
        assert page.status == 200
        assert "<textarea" not in page.text
        token = editor.get("/mainmenu").csrf_token
        for path in ("form", "raw", "deploy", "discard", "archive", "archive/restore", "archive/delete"):
            form = {"expected": checksum(before), "expected_deployed": checksum(before), "text": "{}", "op": "save"}
            assert editor.post(f"/config/{name}/{path}", token=token, **form).status == 403, path
        assert (conf / f"{name}_config.json").read_bytes() == before
    reply = signed_in.post(
        "/config/ginit/raw", token=signed_in.get("/mainmenu").csrf_token, expected=checksum(before), text="{}"
    )
    assert reply.status == 409  # that was the checksum of another file


def test_changes_are_in_the_audit_log(conf, signed_in, save):
    before = (conf / "gl_config.json").read_bytes()
    save(signed_in, "/config/gl/form", **{"f:/gateway_id": "AUDIT001"})
    deploy(signed_in, conf)
    audit = signed_in.get("/audit").text
    assert "edit config" in audit
    assert "deploy config" in audit
    assert checksum(before)[:8] in audit


@pytest.mark.parametrize("text", ['"${NATS_TOKEN}"', '"\\u${NATS_TOKEN}"', '"\\u0024${NATS_TOKEN}"'])
def test_what_an_editor_may_not_deploy_is_not_validated(conf, signed_in, text):
    """What a validation says could show the values: here that a group of models contains itself."""
    editor = new_user(signed_in, "eva", "editor")
    file = conf.parent / "working" / "gl_config_tmp.json"
    page = editor.get("/config/gl")
    assert "Valid" in page.text
    file.parent.mkdir(exist_ok=True)
    file.write_text(f'{{"models": [{{"name": {text}, "targets": [{text}]}}]}}', "utf-8")
    page = editor.get("/config/gl")
    assert "could not be validated" in page.text
    assert "contain themselves" not in page.text
