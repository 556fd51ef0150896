"""Config files by the management API."""

import json
import shutil

import pytest

from tests.support.gui import Browser, new_token


@pytest.fixture
def api(editor):
    """Calls the API with a token of a role."""

    def call(method, path, body=None, role="admin", **headers):
        token = tokens.setdefault(role, new_token(editor, role))
        given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | headers
        data = b"" if body is None else json.dumps(body).encode()
        return Browser(editor.port).request(method, f"/api/config{path}", data, given)

    tokens = {}
    return call


def test_a_change_from_the_draft_to_its_deployment(api, conf):
    """`If-Match` has the checksum of the draft that a change is based on; a deployment names both checksums."""
    before = api("GET", "/gl").json
    assert before["valid"]
    assert before["draft_sha256"] == before["deployed_sha256"]
    assert "/routers/3/outbound/url" in [one["pointer"] for one in before["findings"]]
    text = api("GET", "/gl/draft").json["text"]
    new = {"text": text.replace("GECHO001", "EDITED01")}
    assert api("PUT", "/gl/draft", new).status == 428
    assert api("PUT", "/gl/draft", new, **{"If-Match": '"0000"'}).status == 412
    changed = api("PUT", "/gl/draft", new, **{"If-Match": f'"{before["draft_sha256"]}"'}).json
    assert (changed["status"], changed["valid"], changed["changed_by"]) == ("Staged", True, "token token of admin")
    wrong = {"draft_sha256": changed["draft_sha256"], "deployed_sha256": None}
    assert api("POST", "/gl/deploy", wrong).status == 412
    sums = {name: changed[name] for name in ("draft_sha256", "deployed_sha256")}
    assert api("POST", "/gl/deploy", sums).json["deployed_sha256"] == changed["draft_sha256"]
    assert (conf / "gl_config.json").read_text("utf-8") == new["text"]


def test_what_the_api_refuses(api, conf):
    before = api("GET", "/gl").json
    same = {"If-Match": before["draft_sha256"]}
    assert api("PUT", "/gl/draft", {"text": "{}"}, role="viewer", **same).status == 403
    assert api("GET", "/none").status == 404
    broken = api("PUT", "/gl/draft", {"text": "nonsense"}, **same).json
    assert (broken["valid"], broken["findings"][0]["line"]) == (False, 1)
    sums = {name: broken[name] for name in ("draft_sha256", "deployed_sha256")}
    assert api("POST", "/gl/deploy", sums).status == 422
    ginit = api("GET", "/ginit").json
    assert api("PUT", "/ginit/draft", {"text": "{}"}, "editor", **{"If-Match": ginit["draft_sha256"]}).status == 403
    assert api("GET", "/gl/schema").json["properties"]["routers"]["entry"]["noun"] == "router"


def test_a_folder_that_cannot_be_written(api, editor, conf):
    """API and pages say which file, why, and what to do; what was typed is still there."""
    working = conf.parent / "working"
    shutil.rmtree(working, ignore_errors=True)
    working.write_bytes(b"")  # a file in the place of the folder is in the way of everybody, also of root
    before = api("GET", "/gl").json
    reply = api("PUT", "/gl/draft", {"text": "{}"}, **{"If-Match": before["draft_sha256"]})
    assert reply.status == 503
    message = reply.json["error"]["message"]
    assert message.startswith(f"{working}/"), message
    assert "cannot be written: " in message
    assert f"See that {working} is a folder in which the appliance" in message
    assert "Errno" not in message

    form = {"op": "save", "expected": before["draft_sha256"], "f:/gateway_id": "TYPED001"}
    page = editor.submit("/config/gl/form", "/config/gl/form", **form)
    assert page.status == 503
    assert "Not saved." in page.text
    assert "cannot be written: " in page.text
    assert 'value="TYPED001"' in page.text
    raw = editor.submit("/config/gl/raw", "/config/gl/raw", text='{"typed": 1}', expected=before["draft_sha256"])
    assert raw.status == 503
    assert "cannot be written: " in raw.text
    assert "{&#34;typed&#34;: 1}" in raw.text
    kept = editor.submit("/config/gl/archive", "/config/gl/archive", name="kept", source="deployed")
    assert kept.status in {302, 303}  # the archive is another folder
