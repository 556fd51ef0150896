"""What a snapshot says of a credential."""

import pytest

from gecholog.keys import KeyEntry, KeySnapshot, OwnerEntry, Rejection
from gecholog.keys.credential import digest, new_key

NOW = 1_800_000_000.0
KEY = new_key()
OTHER = new_key(KEY.id)


def entry(**fields):
    return KeyEntry(KEY.id, **{"hash": digest(KEY.text)} | fields)


def found(credential=KEY.text, *, owners=(), **fields):
    return KeySnapshot.of([entry(**fields)], owners).find(credential, NOW)


def test_a_key_is_found():
    assert found() == entry()


@pytest.mark.parametrize(
    "fields",
    [
        {"disabled": True},
        {"expires": NOW},
        {"hash": digest(OTHER.text)},
        {"hash": digest(OTHER.text), "previous_hash": digest(KEY.text), "previous_expires": NOW},
    ],
)
def test_a_disabled_expired_or_wrong_key_is_refused(fields):
    assert found(**fields) is Rejection.REFUSED


def test_the_last_moment_before_a_key_expires():
    assert isinstance(found(expires=NOW + 1), KeyEntry)


def test_the_key_before_a_rotation_is_valid_in_its_grace_period():
    fields = {"hash": digest(OTHER.text), "previous_hash": digest(KEY.text), "previous_expires": NOW + 1}
    assert isinstance(found(**fields), KeyEntry)
    assert isinstance(found(OTHER.text, **fields), KeyEntry)


class Sealed(bytes):
    """A hash that must not be compared byte by byte: where the first difference is would show in the time."""

    def __eq__(self, other):
        raise AssertionError("a hash is compared in another way than in constant time")

    __hash__ = bytes.__hash__


@pytest.mark.parametrize(
    "credential",
    [KEY.text, OTHER.text, KEY.text[:-1] + "~", KEY.text[:20], new_key().text],
    ids=["right", "of another", "last character", "too short", "unknown"],
)
def test_how_a_key_is_compared(credential):
    """A key is looked up by its public id, and its hash is compared in constant time.

    A key without our format has no id, and is looked up by its SHA-256. What the time of that shows is about a hash
    that nobody can aim at: each guess has another one, and similar guesses have no similar ones.
    """
    hashes = {"hash": Sealed(digest(KEY.text)), "previous_hash": Sealed(digest("x")), "previous_expires": NOW + 1}
    is_right = credential == KEY.text
    assert isinstance(found(credential, **hashes), KeyEntry) == is_right
    assert isinstance(found(credential, hash=Sealed(digest("y")), previous_hash=hashes["hash"]), Rejection)


def test_a_disabled_owner_disables_its_keys():
    """An owner without an entry restricts nothing."""
    assert found(owner="team", owners=[OwnerEntry("team", disabled=True)]) is Rejection.REFUSED
    assert isinstance(found(owner="team", owners=[OwnerEntry("team")]), KeyEntry)
    assert isinstance(found(owner="team", owners=[OwnerEntry("other", disabled=True)]), KeyEntry)


def test_an_unknown_key_is_not_a_refused_one():
    """After an outage it may turn out to be valid. A deleted one never is."""
    assert KeySnapshot.of([]).find(KEY.text, NOW) is Rejection.UNKNOWN
    assert KeySnapshot.of([], deleted=[KEY.id]).find(KEY.text, NOW) is Rejection.REFUSED
    assert KeySnapshot.of([], unreadable=[KEY.id]).find(KEY.text, NOW) is Rejection.UNREADABLE


def test_the_restrictions_of_an_owner_whose_entry_is_invalid_are_not_ignored():
    snapshot = KeySnapshot.of([entry(owner="team")], unreadable_owners=["team"])
    assert snapshot.find(KEY.text, NOW) is Rejection.UNREADABLE


def test_a_foreign_key_is_found_by_its_hash():
    """A team that moves in goes on with the keys that it has."""
    snapshot = KeySnapshot.of([entry(hash=digest("sk-of-another-gateway"), foreign=True)])
    assert snapshot.has_foreign
    assert isinstance(snapshot.find("sk-of-another-gateway", NOW), KeyEntry)
    assert snapshot.find("sk-of-another-gatewaz", NOW) is Rejection.UNKNOWN


def test_no_hash_in_a_repr():
    """A traceback in a log must not show one."""
    assert digest(KEY.text).hex() not in repr(entry())
    assert repr(digest(KEY.text)) not in repr(KeySnapshot.of([entry(foreign=True)]))


def test_what_records_show():
    key = entry(name="ci", owner="team", tags=("a", "b"))
    assert key.client == {"key": KEY.id, "name": "ci", "owner": "team", "tags": ["a", "b"]}
