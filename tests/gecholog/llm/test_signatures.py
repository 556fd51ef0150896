import string

from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.signatures import Signature, pack, unpack

WORDS = st.text(string.ascii_letters + string.digits + "_-", max_size=10)


@given(WORDS, st.text(), WORDS, st.sampled_from([{}, {"signs_call": True}, {"is_redacted": True}]))
def test_a_signature_is_the_same_after_packing(origin: str, text: str, known: str, kind: dict[str, bool]) -> None:
    signature = Signature(origin, text, id=known, **kind)
    assert unpack(pack(signature), "anthropic") == signature


def test_a_text_that_was_not_packed_is_of_the_reader() -> None:
    assert unpack("EqQBCg==", "anthropic") == Signature("anthropic", "EqQBCg==")


@given(st.text())
def test_any_text_can_be_unpacked(text: str) -> None:
    unpack("gecholog." + text, "anthropic")
