import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.errors import NotJson
from gecholog.llm import json_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_a_value_is_the_same_after_writing_and_reading(value: object) -> None:
    assert json_text.loads(json_text.dumps(value)) == value


@pytest.mark.parametrize("text", ["123456789012345678901234567890", "-18446744073709551617", '"\\ud800"', "[1.5,2]"])
def test_numbers_and_surrogates_are_kept(text: str) -> None:
    assert json_text.dumps(json_text.loads(text)).decode() == text


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "nul", "1e999", "[" * 100_000])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(NotJson):
        json_text.loads(text)


def test_a_value_that_is_nested_too_deep_is_refused() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotJson):
        json_text.dumps(value)
