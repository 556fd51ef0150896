"""The format of client keys."""

import re
from hashlib import sha256

import pytest

from gecholog.keys.credential import ID, digest, id_of, new_key


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
