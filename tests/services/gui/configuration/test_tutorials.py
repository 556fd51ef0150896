"""The panel of a tutorial on the pages, and the page with code."""

import pytest

from services.gui.tutorials.catalogue import TUTORIALS
from tests.support.gui import new_user

PANEL = 'aria-label="Tutorial"'


@pytest.mark.slow
def test_tutorials(editor, save):
    """From its list through a form and back, in one interface: each start takes seconds."""
    listed = editor.get("/tutorials").text
    for tutorial in TUTORIALS:
        assert f"tutorial={tutorial.first.number}" in listed

    # a number of another page, or of none, shows no panel
    for address in ("/routers?tutorial=999", "/routers?tutorial=401", "/users?tutorial=101"):
        reply = editor.get(address)
        assert (reply.status, PANEL in reply.text) == (200, False), address

    # addresses of the original lead to the step
    for old, new in (
        ("/gl/routers?tutorial=101", "/routers?tutorial=101"),
        ("/gl/publish?tutorial=402", "/config/gl/deploy?tutorial=402"),
        ("/nats2file/servicebus-form?tutorial=302", "/config/nats2file/form?at=%2Fservice_bus&tutorial=302"),
        ("/gl/routers-form?key=/dummy/&tutorial=504", "/routers/code?router=%2Fdummy%2F&tutorial=504"),
        ("/tutorials?tutorial=301", "/config/nats2file?tutorial=301"),
    ):
        assert editor.get(old).location == new
        assert PANEL in editor.get(new).text, new

    # without scripts the goal can be looked at, and a form leads on to the next step
    assert "step 4 of 8" in editor.get("/routers?tutorial=104").text
    assert "waiting for a new router in the draft" in editor.get("/tutorials/check").text
    added = save(editor, "/config/gl/form", op="add:/routers")
    assert added.status == 302
    assert "step 5 of 8" in editor.get("/config/gl/form?at=/routers/0").text
    assert "takes place on" in editor.get("/users").text
    assert editor.get("/routers?tutorial=104").status == 200
    part = editor.get("/tutorials/check", HX_Request="true")
    assert (part.status, "Seen: the draft has a router" in part.text) == (286, True)
    assert "<main" not in part.text

    assert editor.submit("/routers", "/tutorials/stop").location == "/tutorials"
    assert PANEL not in editor.get("/routers").text
    assert editor.get("/tutorials/check").status == 404

    # a viewer reads along
    viewer = new_user(editor, "vera", "viewer")
    assert "Your role does not allow" in viewer.get("/routers?tutorial=101").text
    assert PANEL not in editor.get("/routers").text
    assert "sk-" not in viewer.get("/routers/code?router=/restricted/").text

    # code for a router that does not exist is that of the first one; a name of a model may be anything
    for address in (
        "/routers/code",
        "/routers/code?router=/nope/",
        "/routers/code?router=/dummy/&model=%22%3C%2Fpre%3E",
    ):
        reply = editor.get(address)
        assert (reply.status, "</pre>&#34;" in reply.text) == (200, False), address
    assert "/dummy/v1/chat/completions" in editor.get("/routers/code?router=/dummy/").text
