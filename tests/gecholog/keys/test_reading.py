"""Entries as JSON."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.keys import KeyEntry, OwnerEntry
from gecholog.keys.reading import InvalidEntry, as_json, key_of, owner_of, time_of, time_text, to_bytes
from gecholog.quota.limits import Budget, Limits, Quotas
from gecholog.quota.period import Period

HASH = bytes(range(32))
MINIMAL = {"id": "k3v9x2ab", "hash": f"sha256:{HASH.hex()}"}

texts = st.text(st.characters(categories=["L", "N", "P"]), max_size=20)
some = st.lists(texts.filter(bool), min_size=1, max_size=3).map(tuple)
times = st.integers(0, 4_000_000_000).map(float)
numbers = st.none() | st.integers(1, 2**53)
quotas = st.builds(Quotas, rpm=numbers, tpm=numbers, rpd=numbers, concurrency=numbers, default_output_tokens=numbers)
budgets = st.none() | st.builds(
    Budget,
    amount=st.integers(1, 9 * 10**15),
    period=st.sampled_from(Period),
    time_zone=st.sampled_from(["UTC", "Europe/Stockholm"]),
    is_tokens=st.booleans(),
)
keys = st.builds(
    KeyEntry,
    id=st.from_regex(r"[a-z0-9]{8}", fullmatch=True),
    hash=st.binary(min_size=32, max_size=32),
    name=texts,
    owner=texts,
    tags=some,
    created=times,
    expires=st.none() | times,
    disabled=st.booleans(),
    models=st.none() | some,
    routers=st.none() | st.just(("/v1/", "/")),
    limits=st.builds(Limits, quotas, budgets),
    max_output_tokens=st.none() | st.integers(1, 2**53 - 1),
    max_body_bytes=st.none() | st.integers(1, 2**53 - 1),
    record_payloads=st.booleans(),
    metadata=st.dictionaries(texts, st.integers(0, 9), max_size=2),
    foreign=st.booleans(),
    previous_hash=st.none(),
    previous_expires=st.just(0.0),
)


@given(keys)
def test_a_key_survives_being_written_and_read(key):
    assert key_of(to_bytes(key)) == key


@given(st.builds(OwnerEntry, name=texts.filter(bool), tags=some, created=times, disabled=st.booleans()))
def test_an_owner_survives_being_written_and_read(owner):
    assert owner_of(to_bytes(owner)) == owner


def test_only_what_is_set_is_written():
    assert as_json(KeyEntry("k3v9x2ab", HASH)) == MINIMAL


def test_null_counts_as_absent():
    assert key_of(orjson.dumps(MINIMAL | {"expires": None})) == KeyEntry("k3v9x2ab", HASH)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": "K3V9X2AB"}, "id must be 8 lower-case letters and digits"),
        ({"id": None}, "id is missing"),
        ({"hash": "sha256:00"}, "hash must be sha256: and 64 hexadecimal digits"),
        ({"name": 1}, "name must be a text"),
        ({"name": "line\nbreak"}, "name must be a text"),
        ({"tags": "a"}, "tags must be a list of texts"),
        ({"expires": "2027-01-31T12:00:00"}, "expires must be a time with its zone"),
        ({"expires": 1}, "expires must be a time with its zone"),
        ({"models": []}, "models must not be empty"),
        ({"routers": ["v1"]}, "routers must be paths of routers"),
        ({"disabled": "no"}, "disabled must be true or false"),
        ({"max_output_tokens": 0}, "max_output_tokens must be a whole number above 0"),
        ({"max_body_bytes": True}, "max_body_bytes must be a whole number above 0"),
        ({"metadata": []}, "metadata must be an object"),
        ({"previous_hash": MINIMAL["hash"]}, "previous_hash and previous_expires"),
        ({"model": ["a"]}, "model is unknown"),
        ({"quotas": {"rpm": 0}}, r"quotas\.rpm must be a whole number above 0"),
        ({"budget": {"usd": "1"}}, r"budget\.period must be one of"),
    ],
)
def test_a_wrong_field_is_named(fields, message):
    with pytest.raises(InvalidEntry, match=message):
        key_of(orjson.dumps(MINIMAL | fields))


def test_all_wrong_fields_are_named():
    with pytest.raises(InvalidEntry, match=r"tags .*; disabled "):
        key_of(orjson.dumps(MINIMAL | {"tags": 1, "disabled": 1}))


@pytest.mark.parametrize("data", [b"", b"[]", b'"text"', b"{"])
def test_what_is_no_object_is_invalid(data):
    with pytest.raises(InvalidEntry):
        key_of(data)


def test_an_owner_has_a_name():
    with pytest.raises(InvalidEntry, match="name is missing"):
        owner_of(b"{}")


@given(times)
def test_times_survive(seconds):
    assert time_of(time_text(seconds)) == seconds
