"""Reading only those parts of a message that patterns need."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import gjson, rawjson
from gecholog.errors import NotJson
from processors.tokencounter.message_reader import MessageReader

STEPS = st.sampled_from(["a", "b", "usage", "0", "1", "#", "ü", 'q"', "back\\", "line\n", "", "gl_path", "_struct"])
PATHS = st.lists(STEPS, min_size=1, max_size=4).map(tuple)
NAMES = STEPS | st.sampled_from(["ingress_payload", "ingress_method", "inbound_payload"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)


@given(st.lists(PATHS, max_size=6), st.dictionaries(NAMES, VALUES, max_size=4), st.booleans())
def test_as_if_decoded_as_a_whole(paths, message, ascii_only):
    """Every path finds in a response what it finds in the decoded message."""
    message.pop("ingress_payload", None)
    message.pop("ingress_method", None)
    if isinstance(message.get("gl_path"), dict):
        message["gl_path"] = "/a/"
    data = json.dumps(message, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    reader = MessageReader(paths)
    try:
        whole = rawjson.loads(data)
    except NotJson:
        assert reader.read(data) is None
        return
    found = reader.read(data)
    assert not reader.is_request(found)
    assert reader.router(found) == whole.get("gl_path", gjson.MISSING)
    for path in paths:
        assert reader.get(found, path) == gjson.get(whole, path)


@pytest.mark.parametrize("name", ["ingress_payload", "ingress_method"])
def test_what_marks_a_request_is_a_name_like_others_further_in(name):
    """The fields that identify a message are read only at the top level."""
    path = ("inbound_payload", name, "n")
    reader = MessageReader([path])
    found = reader.read(json.dumps({"gl_path": "/a/", "inbound_payload": {name: {"n": 7}}}).encode())
    assert not reader.is_request(found)
    assert reader.get(found, path) == 7


@pytest.mark.parametrize("path", ["inbound_payload.usage.n", "inbound_payload.0.n", "x", "inbound_payload.#", "a\\\\"])
@pytest.mark.parametrize(
    "message",
    [
        '{"gl_path": "/a/", "ingress_payload": null}',
        '{"gl_path": "/a/", "ingress_method": "POST"}',
        '{"gl_path": "/a/", "ingress_method": 1e999, "inbound_payload": {"usage": {"n": 1}}}',
        '{"gl_path": "/a/", "ingress_payload": {"usage": 3}, "inbound_payload": {"usage": {"n": 1}}}',
        '{"gl_path": "/a/", "ingress_payload": [1, 2], "inbound_payload": "text"}',
    ],
)
def test_requests(path, message):
    """A message with `ingress_payload` or `ingress_method` is a request, whatever the field contains."""
    reader = MessageReader([gjson.parse(path)])
    found = reader.read(message.encode())
    assert reader.is_request(found)
    assert reader.router(found) == "/a/"


@pytest.mark.parametrize(
    "payload",
    ["null", '"an error page"', "[]", "7", '{"usage": null}', '{"usage": []}', '{"usage": {"n": null}}', '{"n": 1}'],
)
def test_payloads_of_another_form(payload):
    """If objects on a path are missing, the result is the same as in the decoded message."""
    data = f'{{"gl_path": "/a/", "inbound_payload": {payload}}}'.encode()
    path = gjson.parse("inbound_payload.usage.n")
    reader = MessageReader([path])
    found = reader.read(data)
    assert reader.router(found) == "/a/"
    assert reader.get(found, path) in (gjson.MISSING, None)
    assert reader.get(found, path) == gjson.get(json.loads(data), path)
