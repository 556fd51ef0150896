"""Session and transaction ids."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.session import Ids, Sessions, continued

NUMBERS = st.integers(0, 10**20)


def test_a_new_session():
    """Without a header a session begins: its id is that of its first transaction, and sessions are counted."""
    sessions = Sessions("TST00001")
    first, second = sessions.ids(None), sessions.ids("")
    assert re.fullmatch(r"TST00001_[0-9]{19}_1_0", first.session_id)
    assert re.fullmatch(r"TST00001_[0-9]{19}_2_0", second.session_id)
    assert first.session_id == first.transaction_id
    assert sessions.count == 2


@given(st.from_regex(r"[A-Z0-9]{1,20}", fullmatch=True), NUMBERS, NUMBERS, NUMBERS)
def test_the_next_transaction(gateway, nanoseconds, count, transaction):
    """A transaction's id continues its session with the next number, whichever gateway gave it."""
    session = f"{gateway}_{nanoseconds}_{count}"
    ids = Sessions("OTHER").ids(f"{session}_{transaction}")
    assert ids == Ids(f"{session}_0", f"{session}_{transaction + 1}")


def test_a_session_goes_on():
    """What a client is given it can send back, over and over."""
    sessions = Sessions("TST00001")
    ids = sessions.ids(None)
    for number in range(1, 20):
        following = sessions.ids(ids.transaction_id)
        assert following.session_id == ids.session_id
        assert following.transaction_id.endswith(f"_{number}")
        ids = following
    assert sessions.count == 1


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "TST_1_1",
        "TST_1_1_",
        "TST_1_1_0\n",
        " TST_1_1_0",
        "tst_1_1_0",
        "TST_1_1_-1",
        "TST_1_1_1_1",
        "T-T_1_1_0",
        "TST_1_1_٣",
        "TST_x_1_0",
        "TST_1_1_" + "9" * 121,
        "\udcff",
    ],
)
def test_what_is_no_id(text):
    """Anything else begins a session of its own."""
    assert continued(text) is None
    assert Sessions("GW").ids(text).transaction_id.startswith("GW_")


@given(st.text())
def test_any_header(text):
    """Whatever a client sends, there are two ids, and only digits, capitals and _ in them."""
    ids = Sessions("GW").ids(text)
    assert re.fullmatch(r"[A-Z0-9]+_[0-9]+_[0-9]+_0", ids.session_id)
    assert re.fullmatch(r"[A-Z0-9]+_[0-9]+_[0-9]+_[0-9]+", ids.transaction_id)
