from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.errors import NotJson
from gecholog.llm.tool_arguments import as_object, as_text

OBJECTS = st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans()), max_size=4)


@given(OBJECTS)
def test_an_object_is_the_same_after_becoming_text(value: dict[str, Any]) -> None:
    assert as_object(as_text(value)) == value


@pytest.mark.parametrize("arguments", ["", "  ", "null", "{}"])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    assert as_object(arguments) == {}


@pytest.mark.parametrize("arguments", ['{"city": "Pa', "[1]", '"text"', "7"])
def test_arguments_that_are_no_object_are_kept_as_they_were_written(arguments: str) -> None:
    assert as_object(arguments) == {"arguments": arguments}


def test_large_integers_are_exact() -> None:
    assert as_text(as_object('{"id":123456789012345678901234567890}')) == '{"id":123456789012345678901234567890}'


def test_no_value_is_an_empty_object() -> None:
    assert as_text(None) == "{}"


def test_arguments_that_are_nested_too_deep_are_refused() -> None:
    value: dict[str, Any] = {}
    for _ in range(100_000):
        value = {"a": value}
    with pytest.raises(NotJson):
        as_text(value)
