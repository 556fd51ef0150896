"""What a processor is sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.errors import FieldNotSent, GechologError, NotJson, WrongSide
from gecholog.message import Message, Request, Response

names = st.text(min_size=1)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def of(**fields):
    return Message.of(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("inbound_payload", Response),
        ("inbound_anything", Response),
        ("egress_status_code", Response),
        ("attempts", Response),
        ("ingress_payload", Request),
        ("outbound_headers", Request),
        ("gl_path", Request),
        ("field_of_someone", Request),
        ("my_inbound_field", Request),
    ],
)
def test_request_and_response(field, kind):
    """A message is a response if it has a field that only responses have."""
    assert type(of(**{field: None})) is kind


def test_the_empty_object():
    """An object without fields is a request without fields."""
    message = Message.of(b"{}")
    assert type(message) is Request
    assert (len(message), list(message), dict(message)) == (0, [], {})


@pytest.mark.parametrize(
    "data", [b"", b"[1]", b"null", b"1", b'"text"', b"{", b'{"a":}', b"\xff", b'{"a":"\xff"}', b"[" * 9999]
)
def test_what_is_no_object(data):
    """Anything that is no JSON object is refused."""
    with pytest.raises(NotJson):
        Message.of(data)


@given(st.dictionaries(names, values))
def test_it_is_the_mapping_that_was_sent(fields):
    """Names and values are those of the JSON object, whatever they are."""
    message = Message.of(json.dumps(fields).encode())
    assert dict(message) == fields
    assert len(message) == len(fields)
    assert all(name in message and message.get(name) == value for name, value in fields.items())
    assert all(json.loads(message.raw(name)) == value for name, value in fields.items())


def test_decoding_waits():
    """A field that nobody asks for is not decoded: even one that cannot be."""
    deep = b"[" * 3000 + b"]" * 3000
    message = Message.of(b'{"gl_path": "/a/", "ingress_payload": "\\ud800", "n": 1e999}')
    assert message.gl_path == "/a/"
    assert message.raw("n") == b"1e999"
    with pytest.raises(NotJson):
        Message.of(b'{"ingress_payload": ' + deep + b"}")


def test_a_value_is_decoded_once():
    """The same value comes each time."""
    message = of(ingress_payload={"a": [1]})
    assert message.ingress_payload is message["ingress_payload"]


def test_raw_bytes():
    """The bytes of a field are those that came, without the white space around them."""
    message = Message.of(b'{ "ingress_payload" :  {"n": 1.50, "s": "\\u00e9"} , "x":null}')
    assert message.raw("ingress_payload") == b'{"n": 1.50, "s": "\\u00e9"}'
    assert message.raw("x") == b"null"
    assert message.raw("y") is None


def test_properties_of_a_request():
    """Each usual field has a property."""
    fields = {
        "gl_path": "/openai/",
        "ingress_method": "POST",
        "ingress_client": "192.0.2.7",
        "ingress_subpath": "v1/chat",
        "ingress_headers": {"Accept": ["*/*"]},
        "ingress_query_parameters": [{"name": "a", "details": ["1"]}],
        "ingress_payload": {"model": "m"},
        "outbound_subpath": "v1/chat",
        "outbound_headers": {},
        "outbound_query_parameters": [],
        "outbound_payload": None,
    }
    message = of(**fields)
    assert isinstance(message, Request)
    assert {name: getattr(message, name) for name in fields} == fields


def test_properties_of_a_response():
    """Each usual field has a property."""
    fields = {
        "gl_path": "/openai/",
        "inbound_status_code": 200,
        "inbound_headers": {"Server": ["s"]},
        "inbound_payload": {"usage": {}},
        "egress_status_code": 200,
        "egress_headers": {},
        "egress_payload": [],
        "attempts": [{"gl_path": "/a/", "status_code": 503}],
    }
    message = of(**fields)
    assert isinstance(message, Response)
    assert {name: getattr(message, name) for name in fields} == fields


@pytest.mark.parametrize("name", ["ingress_payload", "ingress_headers", "gl_path", "text"])
def test_a_field_that_was_not_sent(name):
    """It says which field is missing, and what would send it."""
    with pytest.raises(KeyError) as caught:
        getattr(of(other=1), name)
    assert isinstance(caught.value, FieldNotSent)
    assert isinstance(caught.value, GechologError)
    wanted = "ingress_payload" if name == "text" else name
    assert f"the field {wanted} was not sent" in str(caught.value)
    assert "input_fields_include" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "name", "side"),
    [
        ({"gl_path": "/a/"}, "egress_payload", "response"),
        ({"gl_path": "/a/"}, "attempts", "response"),
        ({"inbound_payload": 1}, "ingress_payload", "request"),
    ],
)
def test_a_field_of_the_other_side(fields, name, side):
    """It says which messages have it, and how to get those."""
    with pytest.raises(AttributeError, match=f"{name} is a field of {side}s: .* @processor.{side}") as caught:
        getattr(of(**fields), name)
    assert isinstance(caught.value, WrongSide)


def test_a_property_that_is_none():
    """A name that no message has is what it is with any object."""
    with pytest.raises(AttributeError, match="Request has no ingres_payload"):
        of(ingress_payload=1).ingres_payload  # noqa: B018 - the attempt is what counts
    assert not hasattr(of(), "egress_payload")


def test_a_mapping_as_others():
    """`get`, `in`, and a missing name are as with a dict."""
    message = of(a=1)
    assert message.get("b") is None
    assert message.get("b", 7) == 7
    assert "b" not in message
    with pytest.raises(KeyError):
        message["b"]


def test_it_is_read_only():
    """A message is not written to: what a function returns is written."""
    message = of(gl_path="/a/")
    with pytest.raises(AttributeError, match="gl_path is read-only"):
        message.gl_path = "/b/"
    with pytest.raises(TypeError):
        message["gl_path"] = "/b/"


def test_repr_holds_no_values():
    """What is shown of a message in a log or traceback are the names of its fields."""
    assert repr(of(ingress_payload="secret", gl_path="/a/")) == "Request(ingress_payload, gl_path)"


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b'{ "a" : [1, 2.50],\n "b": "x  y" }', '{"a":[1,2.50],"b":"x  y"}'),
        ('"é \\u00e9"'.encode(), '"é \\u00e9"'),
        (b'  "\\ud800 \\" , "  ', '"\\ud800 \\" , "'),
        (b"[1e999 , 2]", "[1e999,2]"),
        (b"null", "null"),
    ],
)
def test_text(payload, text):
    """The payload as JSON text: tokens as they came, nothing between them."""
    assert Message.of(b'{"ingress_payload":%b}' % payload).text == text
    assert Message.of(b'{"inbound_payload":%b,"ingress_payload":0}' % payload).text == text


@given(values, st.sampled_from([None, 1, "\t"]))
def test_text_of_anything(value, indent):
    """It is the text without white space, however it was written."""
    message = Message.of(json.dumps({"ingress_payload": value}, indent=indent).encode())
    assert message.text == json.dumps(value, separators=(",", ":"))
