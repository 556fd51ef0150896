"""Content codings undone, as far as they go and never beyond the limit."""

import gzip
import random
import subprocess
import sys
import zlib
from functools import cache

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gl.record.decoding import Decoded, Decoder, codings, decode

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
    "gzip,br": lambda data: brotli.compress(gzip.compress(data)),
    "zstd,gzip": lambda data: gzip.compress(streamed_zstd(data)),
}
WORDS = random.Random(1)
EVENTS = b"".join(b'data: {"n":%d,"text":"%d"}\n\n' % (n, WORDS.randrange(10**12)) for n in range(8000))


@cache
def encoded_events(name):
    return ENCODERS[name](EVENTS)


def coding(name):
    return name.rpartition(" ")[2]


@pytest.mark.parametrize("name", ENCODERS)
@given(data=st.binary(min_size=1, max_size=2000))
def test_undone(name, data):
    """Each content coding is undone."""
    assert decode(ENCODERS[name](data), coding(name), MIB) == Decoded(data)


@pytest.mark.parametrize("name", ENCODERS)
@settings(max_examples=15)
@given(st.integers(1, 100_000))
def test_undone_in_any_pieces(name, size):
    """It makes no difference how the body is divided when it comes."""
    encoded = encoded_events(name)
    decoder = Decoder(coding(name), MIB)
    found = b"".join(decoder.feed(encoded[at : at + size]) for at in range(0, len(encoded), size))
    decoder.end()
    assert (found, decoder.note, decoder.size) == (EVENTS, None, len(EVENTS))


@pytest.mark.parametrize("name", ENCODERS)
def test_up_to_the_limit(name):
    """What is exactly as large as allowed is decoded; of what is one byte larger there is the first part."""
    data = bytes(range(256)) * 400
    encoded = ENCODERS[name](data)
    assert decode(encoded, coding(name), len(data)) == Decoded(data)
    found = decode(encoded, coding(name), len(data) - 1)
    assert found == Decoded(data[:-1], f"decoded body larger than {len(data) - 1} bytes", too_large=True)


@pytest.mark.parametrize("name", ENCODERS)
@given(data=st.binary(min_size=40, max_size=400), share=st.floats(0.3, 0.95))
def test_cut_off(name, data, share):
    """Of a body that ends too early there is the first part, and the note says how large that is."""
    encoded = ENCODERS[name](data)
    found = decode(encoded[: int(len(encoded) * share)], coding(name), MIB)
    assert data.startswith(found.data)
    assert found.note == f"cut off after {len(found.data)} decoded bytes"
    assert not found.too_large


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw deflate", "br", "streamed zstd"])
def test_most_of_what_was_cut_off_is_there(name):
    """Half of the bytes are about half of the events."""
    encoded = encoded_events(name)
    found = decode(encoded[: len(encoded) // 2], coding(name), MIB)
    assert EVENTS.startswith(found.data)
    assert len(found.data) > len(EVENTS) // 3  # zstd decodes whole blocks of 128 KiB


FLUSHED = {
    "gzip": (lambda: zlib.compressobj(wbits=31), lambda each: each.flush(zlib.Z_SYNC_FLUSH)),
    "deflate": (zlib.compressobj, lambda each: each.flush(zlib.Z_SYNC_FLUSH)),
    "br": (brotli.Compressor, lambda each: each.flush()),
    "zstd": (
        lambda: zstandard.ZstdCompressor().compressobj(),
        lambda each: each.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK),
    ),
}


@pytest.mark.parametrize("name", FLUSHED)
def test_events_that_were_flushed_are_all_there(name):
    """A server that flushes each event has sent what it says: nothing of it is lost when the stream breaks off."""
    new, flush = FLUSHED[name]
    compressor, decoder = new(), Decoder(name, MIB)
    for number in range(50):
        event = b'data: {"n":%d}\n\n' % number
        press = compressor.process if name == "br" else compressor.compress
        assert decoder.feed(press(event) + flush(compressor)) == event
    assert decoder.note is None
    decoder.end()
    assert decoder.note == f"cut off after {decoder.size} decoded bytes"


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw deflate", "br", "zstd"])
@pytest.mark.parametrize("size", [200, 100_000])
def test_broken(name, size):
    """Where the data are no longer of the coding, all that came before is there."""
    data = EVENTS[:size]
    encoded = ENCODERS[name](data)
    broken = encoded[: len(encoded) // 2] + b"\xff" * 400
    found, whole = decode(broken, coding(name), MIB), decode(encoded[: len(encoded) // 2], coding(name), MIB)
    assert found.note in (
        f"broken after {len(found.data)} decoded bytes",
        f"cut off after {len(found.data)} decoded bytes",
    )
    assert found.data.startswith(whole.data)


@pytest.mark.parametrize("name", ENCODERS)
def test_something_behind_the_end(name):
    """What follows the end costs nothing of what stands before it."""
    found = decode(ENCODERS[name](b"all of it") + b"and more", coding(name), MIB)
    assert found.data == b"all of it"
    assert found.note == "broken after 9 decoded bytes"


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd", "gzip,br"])
@given(data=st.binary(max_size=300))
def test_rubbish_raises_nothing(name, data):
    """Data that are not of the coding give something, and a note unless that is all."""
    found = decode(data, name, MIB)
    assert found.note is not None or found.data or data


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("", Decoded(b"x")),
        ("identity", Decoded(b"x")),
        ("Identity , ", Decoded(b"x")),
        ("compress", Decoded(b"", "unknown content encoding 'compress'")),
        ("gzip", Decoded(b"", "cut off after 0 decoded bytes")),
        ("gzip,what", Decoded(b"", "unknown content encoding 'what'")),
        ("w" * 500, Decoded(b"", f"unknown content encoding '{'w' * 40}'")),
        (",".join(["gzip"] * 9), Decoded(b"", "more than 8 content encodings")),
    ],
)
def test_codings_of_plain_data(encoding, expected):
    """`identity` changes nothing; what is unknown is named."""
    assert decode(b"x", encoding, MIB) == expected


@pytest.mark.parametrize("encoding", ["gzip, br", "GZIP,BR", "gzip,identity,br", " gzip ,br "])
def test_several_codings(encoding):
    """Codings are undone in the reverse of the order in which they were applied."""
    assert codings(encoding) == ["gzip", "br"]
    assert decode(brotli.compress(gzip.compress(b"data")), encoding, MIB) == Decoded(b"data")


@pytest.mark.parametrize("name", ["gzip", "zstd", "streamed zstd"])
def test_several_members(name):
    """gzip data may be several members (RFC 1952, section 2.2), zstd data several frames (RFC 8878, section 3.1)."""
    encode = ENCODERS[name]
    both = encode(b"one") + encode(b"two")
    assert decode(both, coding(name), MIB) == Decoded(b"onetwo")
    found = decode(both[:-2], coding(name), MIB)
    assert found.data.startswith(b"one")
    assert found.note.startswith("cut off")


def test_zeros_behind_gzip():
    """Tapes and some proxies fill up with zeros, which gzip passes over."""
    assert decode(gzip.compress(b"one") + bytes(5000), "gzip", MIB) == Decoded(b"one")


def test_nothing_is_decoded_after_the_end():
    """A decoder that has stopped stays silent, and says the first reason."""
    decoder = Decoder("gzip", 10)
    assert decoder.feed(gzip.compress(b"x" * 100)) == b"x" * 10
    note = decoder.note
    assert decoder.feed(gzip.compress(b"more")) == b""
    decoder.end()
    assert decoder.note == note == "decoded body larger than 10 bytes"


BOMB = """
import gzip, sys, zlib, resource, brotli, zstandard
name, limit = sys.argv[1], 1 << 20
zeros = bytes(1 << 20)
def pump(compressor, finish):
    return b"".join(compressor(zeros) for _ in range(700)) + finish()
if name.startswith("br"):
    c = brotli.Compressor(quality=9); data = pump(c.process, c.finish)
elif name.startswith("zstd"):
    c = zstandard.ZstdCompressor().compressobj(); data = pump(c.compress, c.flush)
else:
    c = zlib.compressobj(level=1, wbits=15 if name == "deflate" else 31); data = pump(c.compress, c.flush)
if name.endswith("in gzip"):
    data = gzip.compress(data); name = name.split()[0] + ",gzip"
from services.gl.record.decoding import decode
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
found = decode(data, name, limit)
assert (len(found.data), found.too_large) == (limit, True), found.note
"""


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd", "gzip in gzip", "zstd in gzip"])
def test_bomb_over_the_limit_is_not_blown_up(name):
    """A few kilobytes that unpack to 700 MiB are given up at the limit, in a process that may have 512."""
    done = subprocess.run([sys.executable, "-c", BOMB, name], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr[-500:]
