"""The keys of entries in the bucket."""

from hypothesis import given
from hypothesis import strategies as st

from gecholog.keys import bucket_key
from gecholog.keyvalue import checked


def test_a_client_key():
    assert bucket_key.of_key("k3v9x2ab") == "key.k3v9x2ab"
    assert bucket_key.key_id("key.k3v9x2ab") == "k3v9x2ab"
    assert bucket_key.key_id("owner.k3v9x2ab") == ""


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_owner_has_a_valid_key_from_which_its_name_comes_back(name):
    made = checked(bucket_key.of_owner(name))
    assert bucket_key.owner_name(made) == name
    assert bucket_key.key_id(made) == ""


def test_other_keys_name_no_owner():
    assert bucket_key.owner_name("key.abc") == ""
