"""The pages for config files, as a browser without scripts sees them."""

import hashlib
import json

import pytest

PAGES = (
    "/config",
    "/config/gl",
    "/config/gl/form",
    "/config/gl/form?at=/routers",
    "/config/gl/form?at=/routers/5",
    "/config/gl/form?at=/request",
    "/config/gl/raw",
    "/config/gl/diff",
    "/config/gl/diff?with=template",
    "/config/gl/deploy",
    "/config/gl/archive",
    "/config/gl/progress",
    "/config/nats2log",
    "/config/nats2file/form",
    "/config/tokencounter/form?at=/token_caps",
    "/config/ginit",
    "/config/prices",
    "/routers",
    "/processors",
    "/providers",
    "/models",
    "/models?model=fast-flow&prompt=x&rating=3",
)


def test_all_pages(editor):
    """Each page is served, is not too heavy, and shows no value that was not filled in."""
    for page in PAGES:
        reply = editor.get(page, Accept_Encoding="identity")
        assert reply.status == 200, (page, reply.text)
        assert len(reply.body) < 150_000, page
        assert "None" not in reply.text.split("<main")[-1], page


def test_one_edit_is_one_edit(editor, save, conf):
    """The draft differs from the deployed file in the edited value only, and so does the deployed file afterwards."""
    before = (conf / "gl_config.json").read_bytes()
    reply = save(editor, "/config/gl/form?at=/limits", **{"f:/limits/connections": "77"})
    assert (reply.status, reply.location) == (302, "/config/gl/form?at=%2Flimits")
    reply = save(editor, "/config/gl/form", **{"f:/gateway_id": "TEST0001"})
    draft = (conf.parent / "working" / "gl_config_tmp.json").read_bytes()
    assert draft.replace(b"TEST0001", b"GECHO001").count(b'"connections": 77') == 1
    page = editor.get("/config/gl/deploy")
    assert "Staged" in editor.get("/config").text
    deployed = hashlib.sha256(before).hexdigest()
    sha256 = hashlib.sha256(draft).hexdigest()
    reply = editor.post("/config/gl/deploy", token=page.csrf_token, expected=sha256, expected_deployed=deployed)
    assert (reply.status, reply.location) == (302, "/config/gl")
    assert (conf / "gl_config.json").read_bytes() == draft
    [archived] = (conf.parent / "archive").glob("gl_config_replaced-*.json")
    assert archived.read_bytes() == before


def test_the_second_editor_is_told(editor, expected, save):
    """What was typed is shown beside what is in the draft now; nothing is lost or saved."""
    page = editor.get("/config/gl/form")
    save(editor, "/config/gl/form", **{"f:/gateway_id": "FIRST001"})
    form = {"expected": expected(page), "op": "save", "f:/gateway_id": "SECOND01"}
    reply = editor.post("/config/gl/form", token=page.csrf_token, **form)
    assert reply.status == 409
    assert "FIRST001" in reply.text
    assert "SECOND01" in reply.text
    assert "admin has changed" in reply.text
    assert json.loads(_draft(editor))["gateway_id"] == "FIRST001"


def _draft(browser):
    return browser.get("/config/gl/archive/download?source=draft").body


def test_an_invalid_draft_cannot_be_deployed(editor, save, conf, expected):
    """What was typed is kept and shown with the reason; the deployed file stays as it is."""
    before = (conf / "gl_config.json").read_bytes()
    reply = editor.follow(save(editor, "/config/gl/form", **{"f:/gl_port": "abc"}))
    page = editor.get("/config/gl/form")
    assert 'value="abc"' in page.text
    assert "must be an integer" in page.text
    deploy = editor.get("/config/gl/deploy")
    assert "disabled" in deploy.text.split("Deploy</button>")[0].rsplit("<button", 1)[1]
    reply = editor.post(
        "/config/gl/deploy",
        token=deploy.csrf_token,
        expected=expected(deploy),
        expected_deployed=hashlib.sha256(before).hexdigest(),
    )
    assert reply.status == 422
    assert (conf / "gl_config.json").read_bytes() == before


def test_lists(editor, save, conf):
    """A router is added, moved, copied and deleted; each lands on a page that makes sense."""
    page = editor.get("/routers")
    form = {"expected": hashlib.sha256((conf / "gl_config.json").read_bytes()).hexdigest(), "op": "add:/routers"}
    reply = editor.post("/config/gl/form?at=/routers&next=/routers", token=page.csrf_token, next="/routers", **form)
    assert reply.location == "/config/gl/form?at=%2Frouters%2F6&next=%2Frouters"
    fields = {"f:/routers/6/path": "/new/", "f:/routers/6/outbound/url": "https://new.example"}
    reply = save(editor, reply.location, op="save-exit", **fields)
    assert reply.location == "/routers"
    assert "https://new.example" in editor.get("/routers").text
    assert json.loads(_draft(editor))["routers"][6] == {"path": "/new/", "outbound": {"url": "https://new.example"}}
    save(editor, "/config/gl/form?at=/routers", op="up:/routers/6")
    reply = save(editor, "/config/gl/form?at=/routers", op="copy:/routers/5")
    assert reply.location.startswith("/config/gl/form?at=%2Frouters%2F6")
    save(editor, "/config/gl/form?at=/routers/0", op="remove:/routers/0")
    paths = [router["path"] for router in json.loads(_draft(editor))["routers"]]
    assert paths[:2] == ["/echo/", "/dummy/"]
    assert paths[-3:] == ["/new/", "/new/copy/", "/restricted/"]


def test_processors(editor, conf):
    """Rows and processors are added and removed by buttons."""

    def press(op, at):
        page = editor.get("/processors")
        sha256 = hashlib.sha256(_draft(editor)).hexdigest()
        return editor.post(
            f"/config/gl/form?at={at}", token=page.csrf_token, expected=sha256, next="/processors", op=op
        )

    assert press("add:/request/processors", "/request/processors").status == 302
    assert press("add:/request/processors/1", "/request/processors/1").status == 302
    assert len(json.loads(_draft(editor))["request"]["processors"][1]) == 1
    assert "without a name" in editor.get("/processors").text
    assert press("up:/request/processors/1", "/request/processors").location == "/processors"
    press("remove:/request/processors/0", "/request/processors")
    assert hashlib.sha256(_draft(editor)).hexdigest()
    assert json.loads(_draft(editor)) == json.loads((conf / "gl_config.json").read_bytes())


def test_raw_editor(editor, expected, conf):
    """The text is saved byte for byte, not JSON as well; findings have lines; the second editor keeps the text."""
    page = editor.get("/config/gl/raw")
    text = (conf / "gl_config.json").read_text("utf-8")
    broken = text.replace('"gl_port": 5380,', '"gl_port": 5380,,')
    reply = editor.post("/config/gl/raw", token=page.csrf_token, expected=expected(page), text=broken)
    assert reply.status == 302
    assert _draft(editor).decode() == broken
    shown = editor.get("/config/gl/raw")
    assert "Not JSON: line" in shown.text
    assert editor.get("/config/gl/form").status == 422
    assert editor.get("/config/gl").status == 200
    reply = editor.post("/config/gl/raw", token=page.csrf_token, expected=expected(page), text="mine")
    assert reply.status == 409
    assert "\nmine</textarea>" in reply.text
    windows = text.replace("\n", "\r\n")
    editor.post("/config/gl/raw", token=page.csrf_token, expected=expected(shown), text=windows)
    assert _draft(editor).decode() == text


def test_archive(editor, expected, conf):
    """Versions are kept, compared, opened and deleted; other files are out of reach."""
    page = editor.get("/config/gl/archive")
    token = page.csrf_token
    assert editor.post("/config/gl/archive", token=token, name="one", source="deployed").status == 302
    assert (conf.parent / "archive" / "gl_config_one.json").read_bytes() == (conf / "gl_config.json").read_bytes()
    for name in ("../../x", "a/b", "<x>", "", "one"):
        assert editor.post("/config/gl/archive", token=token, name=name).status == 422, name
    for source in ("archive:../gl", "/etc/hosts", "archive:none", ""):
        reply = editor.post("/config/gl/archive/restore", token=token, source=source, expected=expected(page))
        assert reply.status in {404, 422}, source
        assert editor.get(f"/config/gl/archive/download?source={source}").status in {200 if not source else 404, 404}
    reply = editor.post("/config/gl/archive/restore", token=token, source="archive:one", expected=expected(page))
    assert reply.location == "/config/gl"
    assert editor.post("/config/gl/archive/delete", token=token, name="one").status == 302
    assert not list((conf.parent / "archive").glob("*.json"))


def test_names_with_markup(editor, save):
    """What stands in a config is text on every page."""
    evil = '"><script>alert(1)</script>'
    save(editor, "/config/gl/form", **{"f:/gateway_id": evil})
    save(editor, "/config/gl/form?at=/routers/0", **{"f:/routers/0/path": evil})
    for page in (*PAGES, "/config/gl/deploy", "/config/gl/diff"):
        assert "<script>alert" not in editor.get(page).text, page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/gl/menu", "/config/gl"),
        ("/nats2file/publish", "/config/nats2file/deploy"),
        ("/gl/routers?tutorial=101", "/routers?tutorial=101"),
        ("/gl/routers-new", "/routers"),
        ("/gl/requestprocessors-form?key=processor00", "/processors"),
        ("/nats2log/elasticwriter-form", "/config/nats2log/form?at=%2Felastic_writer"),
        ("/gl/settings-form", "/config/gl/form"),
    ],
)
def test_old_addresses(editor, old, new):
    reply = editor.get(old)
    assert (reply.status, reply.location) == (302, new)


def test_addresses_that_do_not_exist(editor):
    for page in ("/config/none", "/gl/none", "/config/gl/form?at=/none", "/config/gl/diff?with=archive:none"):
        assert editor.get(page).status == 404, page
    assert editor.get("/config/gl/form?at=nonsense").status == 400


def test_a_form_changes_only_its_own_page(editor, expected):
    page = editor.get("/config/gl/form?at=/limits")
    form = {"expected": expected(page), "op": "save", "f:/gateway_id": "OTHER001"}
    assert editor.post("/config/gl/form?at=/limits", token=page.csrf_token, **form).status == 400


def test_warnings_as_before_are_folded(editor, save):
    """After each save only what the deployed file does not have asks for attention; an entry is told once."""
    summary = editor.get("/config/gl").text
    assert (
        "router /restricted/ is left out: GECHOLOG_API_KEY, AISERVICE_API_BASE, AISERVICE_API_KEY are not set"
        in summary
    )
    assert "as before" not in summary
    save(editor, "/config/gl/form?at=/limits", **{"f:/limits/connections": "77"})
    raw = editor.get("/config/gl/raw").text
    assert "3 warnings as before" in raw
    assert ">Findings</h2>" not in raw
    save(editor, "/config/gl/form?at=/routers/1", **{"f:/routers/1/outbound/url": "${NO_SUCH_BASE}"})
    deploy = editor.get("/config/gl/deploy").text
    new, old = deploy.split("3 warnings as before")
    assert "error</span>: router /echo/ is in force now and would be lost: NO_SUCH_BASE is not set" in new
    assert "/restricted/ is left out" in old


def test_the_call_that_try_suggests(editor):
    """The dummy LLM, which needs no key, where the draft has it; a router that is not there is said."""
    models = editor.get("/routers/try?router=/v1/").text
    assert "&#34;model&#34;: &#34;dummy&#34;" in models
    assert 'value="chat/completions"' in models
    assert 'value="v1/chat/completions"' in editor.get("/routers/try?router=/dummy/").text
    missing = editor.get("/routers/try?router=/none/")
    assert missing.status == 404
    assert "The draft has no router /none/." in missing.text


def test_the_badge_follows_a_deployment(editor):
    """The part that the page asks for again has the badge above it as well, which the page itself has already."""
    part = editor.get("/config/gl/progress", HX_Request="true").text
    assert 'id="file-status" hx-swap-oob="true"' in part
    page = editor.get("/config/gl").text
    assert page.count('id="file-status"') == 1
    assert "hx-swap-oob" not in page


def test_a_file_that_is_not_deployed_yet(editor, conf):
    """There is nothing that a deployment would replace, and nothing to compare with."""
    (conf / "gl_config.json").unlink()
    deploy = editor.get("/config/gl/deploy").text
    assert "<dt>Creates</dt>" in deploy
    assert "which is archived" not in deploy
    missing = editor.get("/config/gl/diff")
    assert missing.status == 404
    assert "Nothing is deployed yet." in missing.text
