"""Candidates: where a call may go, whatever processors wrote."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.rawjson import Raw
from services.gl.call_candidates import candidates_of, chosen_router, fallbacks
from services.gl.candidates.candidate import Candidate
from tests.services.gl.rig.gateway import router
from tests.services.gl.rig.stage import FakeRequest, built, call_of

PATHS = ("/a/", "/b/", "/c/")
CONFIG = built([router(path, f"http://host{path[1]}") for path in (*PATHS, "/echo/")])
ROUTERS = CONFIG.routers
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([*PATHS, "/echo/", "/x/", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
)


@given(paths=st.lists(st.sampled_from([*PATHS, "/echo/", "/x/", "a", ""])))
def test_fallbacks(paths):
    """The routers that forward calls, each once, in the order in which they were named first; the others are noted."""
    found = fallbacks(paths, ROUTERS)
    assert [router.path for router in found.routers] == list(dict.fromkeys(path for path in paths if path in PATHS))
    for path in set(paths) - set(PATHS):
        assert any(path in note for note in found.notes)
    assert len(found.notes) == ("/echo/" in paths) + bool(set(paths) - {*PATHS, "/echo/"})


@given(written=anything)
def test_whatever_is_written(written):
    """Every form is read: a list of texts is, of any other form nothing, and that is noted once."""
    found = fallbacks(written, ROUTERS)
    assert all(router.path in PATHS for router in found.routers)
    if not (isinstance(written, list) and all(isinstance(path, str) for path in written)):
        assert found == ((), ("must be a list of router paths",))


def called(**written):
    """A call of /a/, with fields that processors wrote."""
    call = call_of(CONFIG, FakeRequest(path="/a/x"), path="/a/")
    call.request_section.fields = {"gl_path": "/a/"}
    call.request_section.write({name: Raw(json.dumps(value).encode()) for name, value in written.items()})
    return call


@pytest.mark.parametrize(
    ("written", "path"),
    [("/b/", "/b/"), ("/echo/", "/echo/"), ("/x/", "/a/"), ("/b", "/a/"), (None, "/a/"), ([], "/a/")],
)
def test_chosen_router(written, path):
    """The router that a processor chose; if there is none of that path, the call's own."""
    assert chosen_router(called(gl_path=written)) is ROUTERS[path]
    assert chosen_router(called()) is ROUTERS["/a/"]


@given(chosen=anything, paths=anything)
def test_candidates(chosen, paths):
    """The chosen router first, whatever fallbacks there are; no processor's text makes a call go nowhere."""
    call = called(gl_path=chosen, fallback_paths=paths)
    first, *others = candidates_of(call)
    assert first == Candidate(chosen_router(call))
    assert others == [Candidate(router) for router in fallbacks(paths, ROUTERS).routers]
    assert [error["details"] for error in call.request_section.errors] == list(fallbacks(paths, ROUTERS).notes)


def test_one_candidate():
    """Without fallbacks there is one, and nothing to note."""
    call = called()
    assert candidates_of(call) == (Candidate(ROUTERS["/a/"]),)
    assert call.request_section.errors == []
