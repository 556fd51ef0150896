import pytest

from gecholog.llm import checked
from gecholog.llm.errors import InvalidRequestError

OPTIONAL = [
    (checked.optional_text, "a", 1),
    (checked.optional_object, {"a": 1}, []),
    (checked.optional_bool, False, 0),
    (checked.optional_int, 5, True),
    (checked.optional_int, 5, 5.5),
    (checked.optional_number, 0.5, "0.5"),
    (checked.optional_number, 1, True),
]


@pytest.mark.parametrize(("check", "right", "wrong"), OPTIONAL)
def test_an_optional_member_has_the_right_type_or_is_absent(check, right, wrong) -> None:  # type: ignore[no-untyped-def]
    assert check({"x": right}, "x") == right
    assert check({"x": None}, "x") is None
    assert check({}, "x") is None
    with pytest.raises(InvalidRequestError, match=r"^messages\[0\]\.x: must be") as raised:
        check({"x": wrong}, "x", "messages[0].")
    assert raised.value.param == "messages[0].x"


def test_a_required_text_is_missed() -> None:
    with pytest.raises(InvalidRequestError, match=r"^name: must be a string"):
        checked.text({}, "name", "")


def test_a_float_without_a_fraction_is_an_integer() -> None:
    assert checked.optional_int({"n": 2.0}, "n") == 2


def test_one_text_stands_for_a_list() -> None:
    assert checked.optional_texts({"stop": "a"}, "stop") == ("a",)
    assert checked.optional_texts({"stop": ["a", "b"]}, "stop") == ("a", "b")
    assert checked.optional_texts({"stop": None}, "stop") == ()
    with pytest.raises(InvalidRequestError, match=r"stop\[1\]"):
        checked.optional_texts({"stop": ["a", 1]}, "stop")
