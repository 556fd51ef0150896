"""Client keys in the head of a request."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.headers import MASK, canonical
from services.gl.access import client_credentials
from services.gl.routing import query

# Fixed, because they are in the names of tests, which must be the same in all workers of pytest-xdist.
KEY = f"sk-gl-aaaaaaaa-{'k' * 43}"
OTHER = f"sk-gl-bbbbbbbb-{'o' * 43}"


def found(received=None, text="", is_foreign=None):
    return client_credentials.find(received or {}, query.parse(text), is_foreign)


@pytest.mark.parametrize(
    ("received", "text"),
    [
        ({"Authorization": [f"Bearer {KEY}"]}, ""),
        ({"Authorization": [f"bearer  {KEY} "]}, ""),
        ({"X-Api-Key": [KEY]}, ""),
        ({"Api-Key": [KEY]}, ""),
        ({"X-Goog-Api-Key": [KEY]}, ""),
        ({}, f"key={KEY}"),
        ({}, f"a=b&key={quote(KEY).replace('-', '%2D')}"),
        ({"Authorization": ["Bearer sk-of-a-provider"], "X-Api-Key": [KEY]}, ""),
        ({"Authorization": ["Basic abc", f"Bearer {KEY}"], "X-Api-Key": [OTHER]}, f"key={OTHER}"),
        ({"X-Goog-Api-Key": [OTHER], "Api-Key": [KEY]}, ""),
    ],
)
def test_the_first_in_the_order_of_the_places(received, text):
    assert found(received, text).key == KEY


@pytest.mark.parametrize(
    ("received", "text"),
    [
        ({}, ""),
        ({"Authorization": ["Bearer sk-of-a-provider"]}, "key=AIza"),
        ({"X-Api-Key": [""], "Accept": ["*/*"]}, "a=b&&c"),
    ],
)
def test_credentials_of_others_pass(received, text):
    assert found(received, text) is None


@given(
    st.dictionaries(st.sampled_from(["Authorization", "X-Api-Key", "Cookie", "X-Any"]), st.lists(st.text(max_size=9))),
    st.sampled_from(["Authorization", "X-Api-Key", "Cookie", "X-Any", "Referer"]),
    st.text(max_size=5),
)
def test_no_header_with_a_key_is_left(received, name, around):
    """Whatever the header, and whatever else is in its value."""
    received.setdefault(name, []).append(f"{around}{KEY}{around}")
    kept = found(received).kept_headers(received)
    assert not [value for values in kept.values() for value in values if KEY in value]
    assert kept == {other: values for other, values in received.items() if other != name}


def test_no_header_with_a_key_as_its_name_is_left():
    """Names are compared without case, and come in their canonical form."""
    for name in (canonical(KEY), canonical(f"X-{KEY}"), canonical(f"X{KEY}-Y")):
        received = {"Accept": ["*/*"], name: ["x", "y"]}
        credentials = found(received)
        assert (credentials.key, credentials.kept_headers(received)) == ("", {"Accept": ["*/*"]})
        assert credentials.shown_headers(received) == {"Accept": ["*/*"], MASK: [MASK]}


def test_headers_with_similar_names_pass():
    assert found({"X-Desk-Gl-Account": ["7"], "Sk-Gl-Aaaaaaaa": ["x"]}) is None


@pytest.mark.parametrize("text", [f"a=1&key={KEY}&b=%20", f"a=1&{KEY}&b=%20", f"a=1&other=x{KEY}&b=%20"])
def test_no_parameter_with_a_key_is_left(text):
    """The others stay byte for byte."""
    pairs = query.parse(text)
    credentials = found(text=text)
    assert [pair.raw for pair in credentials.kept_query(pairs)] == ["a=1", "b=%20"]
    shown = credentials.shown_query(pairs)
    assert [pair.value for pair in shown] == ["1", MASK, " "]
    assert not [pair for pair in shown if KEY in pair.name]


def test_a_key_in_another_place_is_no_credential():
    credentials = found({"Cookie": [KEY]}, f"token={KEY}")
    assert (credentials.key, credentials.headers) == ("", {"Cookie"})


def test_a_foreign_key_is_a_client_key():
    """It has no prefix that tells."""
    received = {"Authorization": ["Bearer sk-theirs"], "X-Api-Key": ["sk-of-a-provider"]}
    credentials = found(received, "key=sk-theirs&a=b", {"sk-theirs"}.__contains__)
    assert (credentials.key, credentials.headers) == ("sk-theirs", {"Authorization"})
    assert [pair.raw for pair in credentials.kept_query(query.parse("key=sk-theirs&a=b"))] == ["a=b"]


@pytest.mark.parametrize("path", ["", "chat/completions", "a%2Fb%20c", "sk-gl"])
def test_a_path_without_a_key_stays(path):
    assert client_credentials.masked_path(path) == path


@pytest.mark.parametrize("path", [f"x/{KEY}/y", f"x/{KEY.replace('-', '%2D')}/y", f"x/{KEY.replace('s', '%73', 1)}/y"])
def test_a_key_in_a_path_is_masked(path):
    assert client_credentials.masked_path(path) == f"x/{MASK}/y"
