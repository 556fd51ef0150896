"""Bodies as records show them, and what they are decoded from."""

import gzip
import hashlib
import json
import resource
import subprocess
import sys
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog.rawjson import Raw, dumps
from services.gl import payload

MIB = 1024 * 1024


def raw_deflate(data):
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def streamed_zstd(data):
    """A frame that does not tell its size, as servers send it."""
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(data) + compressor.flush()


ENCODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw deflate": raw_deflate,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "streamed zstd": streamed_zstd,
}


def coding(name):
    return name.rpartition(" ")[2]


@pytest.mark.parametrize("name", ENCODERS)
@given(data=st.binary(min_size=1, max_size=2000))
def test_decoded(name, data):
    """Each content coding is undone."""
    assert payload.decoded(ENCODERS[name](data), coding(name), MIB) == data


@pytest.mark.parametrize("name", ENCODERS)
def test_decoded_up_to_the_limit(name):
    """What is exactly as large as allowed is decoded, what is one byte larger is not."""
    data = bytes(range(256)) * 400
    encoded = ENCODERS[name](data)
    assert payload.decoded(encoded, coding(name), len(data)) == data
    assert payload.decoded(encoded, coding(name), len(data) - 1) is None


@pytest.mark.parametrize("name", ENCODERS)
@given(data=st.binary(min_size=40, max_size=400), share=st.floats(0.3, 0.95))
def test_cut_off_data_is_not_decoded(name, data, share):
    """A body that ends too early is not taken for the whole."""
    encoded = ENCODERS[name](data)
    assert payload.decoded(encoded[: int(len(encoded) * share)], coding(name), MIB) is None


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
@given(data=st.binary(min_size=1, max_size=300))
def test_rubbish_raises_nothing(name, data):
    """Data that are not of the coding give None or something, never an exception."""
    assert isinstance(payload.decoded(data, name, MIB), bytes | None)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("", b"x"),
        ("identity", b"x"),
        ("Identity , ", b"x"),
        ("compress", None),
        ("gzip", None),
        ("aes128gcm", None),
        ("gzip,what", None),
    ],
)
def test_codings_of_plain_data(encoding, expected):
    """`identity` changes nothing, and what is unknown or not true gives None."""
    assert payload.decoded(b"x", encoding, MIB) == expected


@pytest.mark.parametrize("encoding", ["gzip, br", "GZIP,BR", "gzip,identity,br", " gzip ,br "])
def test_several_codings(encoding):
    """Codings are undone in the reverse of the order in which they were applied."""
    assert payload.decoded(brotli.compress(gzip.compress(b"data")), encoding, MIB) == b"data"


def test_gzip_of_several_members():
    """gzip data may be several members, one after the other (RFC 1952, section 2.2)."""
    assert payload.decoded(gzip.compress(b"one") + gzip.compress(b"two"), "gzip", MIB) == b"onetwo"


BOMB = """
import gzip, sys, zlib, resource, brotli, zstandard
name, limit = sys.argv[1], 1 << 20
zeros = bytes(1 << 20)
def pump(compressor, finish):
    return b"".join(compressor(zeros) for _ in range(700)) + finish()
if name == "br":
    c = brotli.Compressor(quality=9); data = pump(c.process, c.finish)
elif name == "zstd":
    c = zstandard.ZstdCompressor().compressobj(); data = pump(c.compress, c.flush)
else:
    c = zlib.compressobj(level=1, wbits=31 if name == "gzip" else 15); data = pump(c.compress, c.flush)
from services.gl import payload
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
assert payload.decoded(data, name, limit) is None
"""


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_bomb_over_the_limit_is_not_blown_up(name):
    """A few kilobytes that unpack to 700 MiB are given up at the limit, in a process that may have 512."""
    done = subprocess.run([sys.executable, "-c", BOMB, name], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr[-500:]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_recorded_as_it_is(value):
    """JSON stays the bytes that came."""
    body = json.dumps(value, indent=1).encode()
    assert payload.recorded(body, "") == payload.Recorded(Raw(body))


@given(st.binary(max_size=200))
def test_everything_is_recorded_as_json(body):
    """Whatever the body is, its place in the record is a JSON value."""
    shown = payload.recorded(body, "application/x")
    json.loads(dumps(shown.value))
    assert (shown.note is None) == (isinstance(shown.value, Raw) or not body)


def test_text_and_binary():
    """Text becomes a JSON string; what is no UTF-8 is described by size and hash."""
    assert payload.recorded("grüße\n".encode(), "text/plain").value == "grüße\n"
    body = b"\x89PNG\xff"
    assert payload.recorded(body, "image/png").value == {
        "content_type": "image/png",
        "size": 5,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    assert payload.recorded(b"", "").value == ""


@settings(max_examples=30)
@given(st.binary(min_size=3000, max_size=9000).map(lambda data: data.hex()), st.integers(2048, 6000))
def test_cut_to(text, limit):
    """A value whose JSON is over the limit becomes size, hash and head; others stay."""
    cut = payload.cut_to(text, limit)
    data = dumps(text)
    if len(data) <= limit:
        assert cut is text
    else:
        assert cut == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "head": data[:1024].decode()}
        assert len(dumps(cut)) <= limit


@given(st.lists(st.binary(max_size=300), max_size=12), st.integers(0, 1500))
def test_copy(pieces, limit):
    """A copy has everything up to the limit, and beyond it size, hash and head of everything."""
    copy = payload.Copy(limit)
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
    copy = payload.Copy(1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    piece = bytes(MIB)
    for _ in range(256):
        copy.add(piece)
    assert copy.size == 256 * MIB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
