"""The entries of the bucket as they arrive."""

import pytest

from gecholog.keys import KeyEntry, OwnerEntry, Rejection
from gecholog.keys.bucket_key import of_key, of_owner
from gecholog.keys.credential import digest, new_key
from gecholog.keys.reading import InvalidEntry, to_bytes
from gecholog.keys.state import KeyState, state_of

NOW = 1_800_000_000.0
KEYS = [new_key() for _ in range(3)]
ENTRIES = [KeyEntry(key.id, digest(key.text), owner="a team") for key in KEYS]
OWNER = OwnerEntry("a team", tags=("x",))


@pytest.fixture
def state():
    made = KeyState()
    for entry in ENTRIES:
        made.apply(of_key(entry.id), to_bytes(entry))
    made.apply(of_owner(OWNER.name), to_bytes(OWNER))
    return made


def found(state, number=0):
    return state.snapshot().find(KEYS[number].text, NOW)


def test_entries_are_in_force(state):
    assert [found(state, number) for number in range(3)] == ENTRIES
    assert state.snapshot().owners == {OWNER.name: OWNER}
    assert state.names() == {*(of_key(entry.id) for entry in ENTRIES), of_owner(OWNER.name)}


def test_a_deleted_key_is_refused_and_may_come_back(state):
    state.apply(of_key(KEYS[0].id), None)
    assert found(state) is Rejection.REFUSED
    state.apply(of_key(KEYS[0].id), to_bytes(ENTRIES[0]))
    assert found(state) == ENTRIES[0]


def test_a_snapshot_does_not_change(state):
    before = state.snapshot()
    state.apply(of_key(KEYS[0].id), None)
    assert before.find(KEYS[0].text, NOW) == ENTRIES[0]


@pytest.mark.parametrize("value", [b"", b"{}", to_bytes(ENTRIES[1])], ids=["empty", "without fields", "of another"])
def test_an_invalid_entry_closes_its_key(state, value):
    """What it should have said is not known: it may have been a restriction. The next valid one opens it."""
    with pytest.raises(InvalidEntry):
        state.apply(of_key(KEYS[0].id), value)
    assert found(state) is Rejection.UNREADABLE
    assert found(state, 1) == ENTRIES[1]
    state.apply(of_key(KEYS[0].id), to_bytes(ENTRIES[0]))
    assert found(state) == ENTRIES[0]


def test_an_invalid_owner_closes_its_keys(state):
    with pytest.raises(InvalidEntry):
        state.apply(of_owner(OWNER.name), b"{}")
    assert found(state) is Rejection.UNREADABLE


def test_other_keys_of_the_bucket_are_ignored(state):
    before = state.snapshot()
    state.apply("quota.x", b"anything")
    assert state.snapshot() == before


def test_a_restart_changes_nothing(state):
    """Deleted and invalid keys stay closed as well."""
    state.apply(of_key(KEYS[0].id), None)
    with pytest.raises(InvalidEntry):
        state.apply(of_key(KEYS[1].id), b"{}")
    again = state_of(state.to_bytes("gecholog_keys"), "gecholog_keys")
    assert again.snapshot() == state.snapshot()
    assert [found(again, number) for number in range(3)] == [Rejection.REFUSED, Rejection.UNREADABLE, ENTRIES[2]]


def test_a_file_of_another_bucket_is_not_used(state):
    assert state_of(state.to_bytes("gecholog_keys"), "other_keys").names() == set()


def test_a_file_has_no_key(state):
    data = state.to_bytes("gecholog_keys").decode()
    assert not [key for key in KEYS if key.text[-43:] in data]


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"bucket": "b", "keys": [1], "owners": [], "deleted": []}'])
def test_another_file_is_refused(data):
    with pytest.raises(InvalidEntry):
        state_of(data, "b")
