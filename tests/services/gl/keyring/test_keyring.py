"""How far a snapshot can be relied on."""

import pytest

from gecholog.keys import KeyEntry, KeySnapshot
from gecholog.keys.credential import digest, new_key
from services.gl.keyring import Keyring, Unavailable

KEY, DISABLED, UNKNOWN = new_key(), new_key(), new_key()


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keyring(clock):
    made = Keyring(clock, clock)
    made.max_stale = 60.0
    made.snapshot = KeySnapshot.of(
        [KeyEntry(KEY.id, digest(KEY.text)), KeyEntry(DISABLED.id, digest(DISABLED.text), disabled=True)]
    )
    made.mark_current()
    return made


def test_while_the_bucket_is_watched(keyring, clock):
    keyring.watch_with(lambda: True)
    clock.now += 1_000_000
    assert keyring.find(KEY.text).id == KEY.id
    assert keyring.find(DISABLED.text) is None
    assert keyring.find(UNKNOWN.text) is None


def test_known_keys_are_valid_for_a_while_in_an_outage(keyring, clock):
    clock.now += 60
    assert keyring.find(KEY.text).id == KEY.id
    clock.now += 1
    with pytest.raises(Unavailable):
        keyring.find(KEY.text)


def test_disabled_keys_stay_refused_in_an_outage(keyring, clock):
    clock.now += 1_000_000
    assert keyring.find(DISABLED.text) is None


def test_unknown_keys_cannot_be_refused_in_an_outage(keyring):
    with pytest.raises(Unavailable):
        keyring.find(UNKNOWN.text)


def test_a_restart_does_not_make_an_outage_shorter(keyring, clock):
    keyring.mark_current(ago=50)
    clock.now += 11
    with pytest.raises(Unavailable):
        keyring.find(KEY.text)


def test_an_entry_that_cannot_be_read_is_an_outage_as_well(keyring):
    keyring.watch_with(lambda: True)
    keyring.snapshot = KeySnapshot.of([], unreadable=[KEY.id])
    with pytest.raises(Unavailable):
        keyring.find(KEY.text)
