"""Bodies as records show them."""

import gzip
import hashlib
import json
import resource

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog import rawjson
from gecholog.rawjson import Raw, dumps
from services.gl.record import payload

MIB = 1024 * 1024


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_recorded_as_it_is(value):
    """JSON stays the bytes that came."""
    body = json.dumps(value, indent=1).encode()
    assert payload.recorded(body, "", MIB) == payload.Recorded(Raw(body))


@given(st.binary(max_size=200))
def test_everything_is_recorded_as_json(body):
    """Whatever the body is, its place in the record is a JSON value."""
    shown = payload.recorded(body, "application/x", MIB)
    json.loads(dumps(shown.value))
    if shown.note is None:
        assert not body or shown.value == body
    else:
        assert not rawjson.is_json(body)


@pytest.mark.parametrize("body", [b'{"a":1}', '{"a":"\u00e9"}'.encode(), b'{"a":"\xff"}', b'{"a":1}\n'])
def test_what_is_known_to_be_json(body):
    """A body that was read before is recorded as if it had not been, also if its strings are not UTF-8."""
    assert payload.recorded(body, "", MIB, is_json=True) == payload.recorded(body, "", MIB)


def test_text_and_binary():
    """Text becomes a JSON string; what is no UTF-8 is described by size and hash."""
    assert payload.recorded("grüße\n".encode(), "text/plain", MIB).value == "grüße\n"
    body = b"\x89PNG\xff"
    assert payload.recorded(body, "image/png", MIB).value == {
        "content_type": "image/png",
        "size": 5,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    assert payload.recorded(b"", "", MIB).value == ""


@settings(max_examples=30)
@given(st.binary(min_size=3000, max_size=9000).map(lambda data: data.hex()), st.integers(2048, 6000))
def test_cut_to(text, limit):
    """A value whose JSON is over the limit becomes size, hash and head; others stay."""
    cut = payload.truncate_to(text, limit)
    data = dumps(text)
    if len(data) <= limit:
        assert cut is text
    else:
        assert cut == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "head": data[:1024].decode()}
        assert len(dumps(cut)) <= limit


@given(st.lists(st.binary(max_size=300), max_size=12), st.integers(0, 1500))
def test_copy(pieces, limit):
    """A copy has everything up to the limit, and beyond it size, hash and head of everything."""
    copy = payload.BoundedCopy(limit)
    for piece in pieces:
        copy.add(piece)
    whole = b"".join(pieces)
    assert (copy.size, copy.pieces) == (len(whole), len(pieces))
    if len(whole) <= limit:
        assert copy.whole == copy.whole == whole
    else:
        assert copy.whole is None
        shown = copy.summary()
        assert (shown["size"], shown["sha256"]) == (len(whole), hashlib.sha256(whole).hexdigest())
        head = shown["head"]
        assert whole[:1024].decode("utf-8", "replace").startswith(head[: len(head) - 1])


def test_copy_is_bounded():
    """A copy of much more than its limit keeps little."""
    copy = payload.BoundedCopy(1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    piece = bytes(MIB)
    for _ in range(256):
        copy.add(piece)
    assert copy.size == 256 * MIB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_copy_of_one_large_piece_is_bounded_too():
    """A piece that is larger than the limit alone is not held either."""
    copy = payload.BoundedCopy(1000)
    copy.add(b"x" * MIB)
    assert sum(map(len, copy._parts)) <= 1024
    assert (copy.whole, copy.summary()["size"]) == (None, MIB)


# ------------------------------------------------------------------ what is read, and what is not

CHAT = b'{"usage":{"prompt_tokens":40,"completion_tokens":9}}'


def of_body(body, encoding="", most=MIB):
    decoded = payload.decode_body(body, encoding, "application/json", most)
    return decoded.fallback or decoded.with_note(payload.recorded(decoded.data, "application/json", most))


@pytest.mark.parametrize("body", [CHAT * 100, b"text " * 999, b"\xff" * 5000])
def test_what_is_too_large_is_not_read(body):
    """Whatever it is, more than the limit is recorded by size, hash and head, and the note says what the limit was."""
    value, note = payload.recorded(body, "", 1000)
    assert value == {
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "head": body[:1024].decode("utf-8", "replace"),
    }
    assert (value.limit, note) == (1000, "larger than 1000 bytes, recorded by size, hash and head")


def test_encoded_body():
    """What was encoded is recorded decoded, without a note."""
    assert of_body(gzip.compress(CHAT), "gzip") == payload.Recorded(Raw(CHAT))
    assert of_body(b"", "gzip") == payload.EMPTY == of_body(gzip.compress(b""), "gzip")


def test_encoded_body_that_is_cut_off():
    """The part that could be decoded is recorded, with a note that says how much that is, and what it is."""
    encoded = gzip.compress(CHAT)
    value, note = of_body(encoded[:-9], "gzip")
    assert CHAT.decode().startswith(value)
    assert note == f"cut off after {len(value)} decoded bytes; is not JSON, recorded as text"
    assert of_body(encoded[:-1], "gzip") == (CHAT, f"cut off after {len(CHAT)} decoded bytes")


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("gzip", "broken after 0 decoded bytes, recorded by size and hash"),
        ("aes128gcm", "unknown content encoding 'aes128gcm', recorded by size and hash"),
        ("gzip, what", "unknown content encoding 'what', recorded by size and hash"),
    ],
)
def test_encoded_body_of_which_nothing_can_be_decoded(encoding, note):
    """Size and hash of the bytes that came, and the reason."""
    value, said = of_body(b"this is plain", encoding)
    assert (value["size"], value["content_type"], said) == (13, "application/json", note)


def test_encoded_body_that_unpacks_to_too_much():
    """Size and hash are those of the bytes that came, the head is what they say."""
    body = b'{"a":"' + b"x" * 5000 + b'"}'
    encoded = gzip.compress(body)
    value, note = of_body(encoded, "gzip", 2000)
    assert value == {
        "size": len(encoded),
        "sha256": hashlib.sha256(encoded).hexdigest(),
        "head": body[:1024].decode(),
    }
    assert note == "decoded body larger than 2000 bytes, recorded by size, hash and head"


def test_json_that_is_a_little_off():
    """It is recorded as strict JSON, and the note says what was changed."""
    value, note = payload.recorded(b'\xef\xbb\xbf{"a":NaN}', "", MIB)
    assert (value, note) == (
        b'{"a":null}',
        "is not strict JSON: byte order mark left out, NaN and Infinity read as null",
    )
    assert isinstance(value, Raw)


def test_json_that_is_nested_too_deeply():
    """It may be JSON: the note does not say that it is none."""
    value, note = payload.recorded(b"[" * 5000 + b"]" * 5000, "", MIB)
    assert (len(value), note) == (10_000, "is nested too deeply, recorded as text")


def test_large_text_is_a_json_string():
    """A large text is written once; it stays the same value."""
    body = b'say "hello" ' * 40_000
    value, _ = payload.recorded(body, "text/plain", MIB)
    assert isinstance(value, Raw)
    assert json.loads(value) == body.decode()


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=50), max_size=5), st.integers(10, 300))
def test_recorded_value(value, most):
    """What was made of a body is serialized once, and truncated when it is too large."""
    data = dumps(value)
    kept, note = payload.recorded_value(value, most)
    if len(data) <= most:
        assert kept == dumps(kept) == data
        assert isinstance(kept, Raw)
        assert note is None
    else:
        assert (kept["size"], kept.limit) == (len(data), most)
        assert str(most) in note


def test_a_summary_is_made_once():
    """Hashing takes long: the second field, and the final record, get the summary of the first."""
    value = Raw(b'"%b"' % (b"x" * 5000))
    first = payload.truncate_to(value, 1000)
    assert payload.truncate_to(value, 1000) is first
    assert payload.truncate_to(value, 6000) is value
