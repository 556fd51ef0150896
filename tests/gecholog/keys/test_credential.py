"""The format of client keys."""

import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.headers import MASK
from gecholog.keys.credential import ID, digest, id_of, masked, masked_bytes, new_key


def test_a_new_key_has_the_documented_format():
    """`sk-gl-`, 8 characters, `-`, and 43 characters of base64url: 256 bits."""
    made = new_key()
    assert re.fullmatch(r"sk-gl-[a-z0-9]{8}-[A-Za-z0-9_-]{43}", made.text)
    assert ID.fullmatch(made.id)
    assert id_of(made.text) == made.id
    assert made.text not in repr(made)


def test_a_rotated_key_keeps_its_id():
    first = new_key()
    second = new_key(first.id)
    assert (second.id, second.text == first.text) == (first.id, False)


def test_only_the_hash_of_the_whole_key_is_stored():
    key = new_key().text
    assert digest(key) == sha256(key.encode()).digest()


@pytest.mark.parametrize("text", ["", "sk-gl-", "sk-abcdefgh-x", "sk-gl-short", "sk-gl-abcdefghi", "Bearer sk-gl-"])
def test_a_text_without_the_format_has_no_id(text):
    assert id_of(text) == ""


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
