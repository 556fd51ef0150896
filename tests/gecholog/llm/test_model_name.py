"""The name of the model in a request."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import rawjson
from gecholog.llm.model_name import find_model, models_in

SPELLINGS = [
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(),
    lambda value: json.dumps(value, indent=1).encode(),
    lambda value: b" " + json.dumps(value, separators=(" ,  ", " :\t")).encode() + b"\n",
]


def model_in(body):
    found = find_model(body)
    return None if found is None else found.name


def with_model(body, model):
    found = find_model(body)
    return body if found is None or not found.end else found.replaced(rawjson.dumps(model))


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


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "a", "model": "b"}',
        b'{"mod\\u0065l": "a", "model": "b"}',
        b'{"model": "a", "x": 1, "Model": "b"}',
        b'{"MODE\\u004C": "a", "model": "b"}',
        b'{"model": "a", "model": "b", "x": NaN}',
        b'{"Model": "a"}',
        '{"model": "a", "model": "b"}'.encode("utf-16"),
    ],
)
def test_names_that_servers_read_differently(body):
    """Two members that could be the model, or one in another case, name no model; nothing is replaced."""
    assert model_in(body) == ""
    assert models_in(body) in {("a",), ("a", "b")}
    assert with_model(body, "c") == body


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (b'{"mod\\u0065l": "a", "x": 1}', b'{"mod\\u0065l": "b", "x": 1}'),
        (b'{"model": "\\u0061"}', b'{"model": "b"}'),
        (b'{"x": [%s], "model": "a"}' % b", ".join([b'{"model": "a"}'] * 20), None),
        (b'{"x": NaN, "y": "\xff\n\x00", "model": "a", "z": -Infinity}', None),
        (b'{"x": "\\ud83d", "model" :\t"a" }', None),
        (b'{"x": "NaN \\" \xff", "model": "a"}', None),
    ],
)
def test_the_very_member_is_replaced(body, changed):
    """However it is written, whatever stands before it, and with errors that servers forgive."""
    if changed is None:
        before, quoted, after = body.rpartition(b'"a"')
        changed = before + quoted.replace(b"a", b"b") + after
    assert (model_in(body), with_model(body, "b")) == ("a", changed)


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
    models_in(body)
    model_in(body)


spellings = st.sampled_from(
    ["model", "Model", "MODEL", "mod\\u0065l", "\\u004dodel", "mode", "model ", "\\u006D\\u006F\\u0064\\u0065\\u006C"]
)
members = st.lists(st.tuples(spellings, st.sampled_from(['"a"', '"b"', "1", '{"model":"a"}', "[NaN]", '"\\ud800"'])))


@given(members)
def test_all_servers_read_the_same_model(pairs):
    """Of a request that is taken: those that keep the first of two members, or the last, and those without case."""
    body = "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}"
    found = model_in(body.encode())
    if found:
        read = json.loads(with_model(body.encode(), "new"), object_pairs_hook=list)
        assert [value for name, value in read if name.lower() == "model"] == ["new"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"model":"a","models":["b","c"]}', ("a", "b", "c")),
        (b'{"models":["b"],"model":"a","Models":["c"]}', ("a", "b", "c")),
        (b'{"model":"a","models":null}', ("a",)),
        (b'{"model":"a","models":[1]}', ("a", "")),
        (b'{"model":"a","models":"b"}', ("a", "")),
    ],
)
def test_models_beside_the_model(body, names):
    assert models_in(body) == names
