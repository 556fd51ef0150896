"""The name of the model in a request."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.model_name import model_in, with_model

SPELLINGS = [
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(),
    lambda value: json.dumps(value, indent=1).encode(),
    lambda value: b" " + json.dumps(value, separators=(" ,  ", " :\t")).encode() + b"\n",
]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(['"model":"m"', "model", "\\"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.just("model"), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, max_size=5), texts, texts, st.sampled_from(SPELLINGS), st.integers(0, 5))
def test_only_the_name_changes(rest, old, new, spelled, place):
    """Wherever it stands, and whatever else looks like it: the same bytes with another name."""
    rest.pop("model", None)
    pairs = list(rest.items())
    pairs.insert(min(place, len(pairs)), ("model", old))
    body = spelled(dict(pairs))
    changed = with_model(body, new)
    assert model_in(body) == old
    assert model_in(changed) == new
    assert json.loads(changed) == {**rest, "model": new}
    was, now = json.dumps(old).encode(), json.dumps(new, ensure_ascii=False).encode()
    if b"\\u" not in body and body.count(was) == 1 and not (old and old in new):
        assert changed == body.replace(was, now)


def test_the_last_of_two():
    """Servers take the last one, and that is what is replaced."""
    assert json.loads(with_model(b'{"model": "a", "model": "b"}', "c"))["model"] == "c"


def test_a_name_with_escapes():
    """A member that is written with escapes is overruled by one at the end."""
    changed = with_model(b'{"mod\\u0065l": "a", "x": 1}', "b")
    assert json.loads(changed) == {"model": "b", "x": 1}
    assert changed.startswith(b'{"mod\\u0065l": "a", "x": 1')


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", None), (b"[]", None), (b"{", None), (b"3", None), (b"{}", ""), (b'{"model": 3}', ""),
        (b'{"model": null}', ""), (b'{"model": "m"}', "m"), (b'\xef\xbb\xbf{"model": "m"}', "m"),
        ('{"model": "m"}'.encode("utf-16"), "m"),
    ],
)  # fmt: skip
def test_model_in(body, found):
    """None is what is no JSON object, empty one without a name."""
    assert model_in(body) == found
    if found:
        assert json.loads(with_model(body, "n")) == {"model": "n"}


@given(st.binary(max_size=60))
def test_any_bytes(body):
    """Nothing raises."""
    with_model(body, "m")
    model_in(body)
