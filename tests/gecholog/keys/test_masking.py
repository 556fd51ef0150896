"""Masks in place of client keys."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.headers import MASK
from gecholog.keys.credential import new_key
from gecholog.keys.masking import LONGEST_KEY, has_key, hides_key, masked, masked_bytes, masked_encoded


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_key_survives_masking(before, after):
    """Nothing of a key is left, whatever stands around it."""
    key = new_key().text
    for shown in (masked(f"{before} {key} {after}"), masked_bytes(f"{before} {key} {after}".encode()).decode()):
        assert MASK in shown
        assert key[-43:] not in shown


def test_a_key_that_is_cut_off_is_masked_in_text():
    assert masked("sk-gl-k3v9x2ab-abc is wrong") == f"{MASK} is wrong"


@pytest.mark.parametrize("data", [b"", b"{}", b"our keys begin with sk-gl-", b"sk-gl-k3v9x2ab-tooshort"])
def test_a_body_without_a_complete_key_stays_the_same(data):
    assert masked_bytes(data) is data or masked_bytes(data) == data


def escaped(text, which=lambda _: True):
    """A text with JSON escapes for the characters that are chosen by their place."""
    return "".join(f"\\u{ord(one):04x}" if which(place) else one for place, one in enumerate(text))


WAYS = {
    "plain": str.encode,
    "escaped": lambda text: escaped(text).encode(),
    "escaped in upper case": lambda text: escaped(text).upper().replace("\\U", "\\u").encode(),
    "partly escaped": lambda text: escaped(text, lambda place: place % 3 == 0).encode(),
    "first letter escaped": lambda text: escaped(text, lambda place: place == 0).encode(),
    "UTF-16": lambda text: text.encode("utf-16-le"),
    "UTF-16 big-endian": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32-le"),
    "UTF-32 big-endian": lambda text: text.encode("utf-32-be"),
}


@pytest.mark.parametrize("way", WAYS)
@given(before=st.text(max_size=9), after=st.text(alphabet=" .,}", max_size=9))
def test_keys_in_other_writing(way, before, after):
    """What remains of a body is as it was, and no part of the key is in it."""
    key = new_key().text
    name, _, order = way.partition(" ")
    encode = f"{name.lower()}-{'be' if order else 'le'}" if name.startswith("UTF-") else "utf-8"
    parts = [text.encode(encode, "surrogatepass") for text in (before, after)]
    data = parts[0] + WAYS[way](key) + parts[1]
    assert has_key(data, 0, len(data))
    assert masked_bytes(data) == parts[0] + MASK.encode(encode) + parts[1]


def test_an_escaped_body_is_the_same_json_afterwards():
    key = new_key().text
    data = json.dumps({"caf\u00e9": "caf\u00e9"}).encode()[:-1] + b',"key":"' + WAYS["escaped"](key) + b'"}'
    assert json.loads(masked_bytes(data)) == {"caf\u00e9": "caf\u00e9", "key": MASK}
    assert len(WAYS["escaped"](key)) == LONGEST_KEY


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_percent_encoded(times):
    key = new_key().text
    text = f"/files/{key}/x"
    if times:
        text = text.replace("s", "%73")
    for _ in range(1, times):
        text = quote(text)
    assert hides_key(text)
    assert key[-20:] not in masked_encoded(text)


@pytest.mark.parametrize("text", ["", "/v1/chat", "100%", "%25%25%25", "%zz", "sk-gk-"])
def test_texts_without_a_key(text):
    assert masked_encoded(text) is None
