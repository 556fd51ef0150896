"""HTTP headers as the record shows them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import headers
from gecholog.headers import ANY_VALUE, MASK, canonical, collect, connection_options, is_name, lines, unmet

TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~" + string.ascii_letters + string.digits
TEXTS = st.text(st.characters())  # surrogates among them
TOKENS = st.text(TOKEN_CHARACTERS, min_size=1, max_size=30)


def canonical_of_go(name):
    """net/textproto.CanonicalMIMEHeaderKey, told in its own way: letter by letter."""
    if not all(character in TOKEN_CHARACTERS for character in name):
        return name
    result, upper = "", True
    for character in name:
        result += character.upper() if upper else character.lower()
        upper = character == "-"
    return result


@given(TOKENS | st.text())
def test_canonical_is_that_of_go(name):
    """Tokens get Go's letter case; anything else stays as it is."""
    assert canonical(name) == canonical_of_go(name)
    assert canonical(canonical(name)) == canonical(name)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("content-type", "Content-Type"),
        ("ETAG", "Etag"),
        ("x--y-", "X--Y-"),
        ("-a", "-A"),
        ("www-authenticate", "Www-Authenticate"),
        ("x_api_key", "X_api_key"),
        ("1a-2b", "1a-2b"),
        ("content type", "content type"),
        ("content-type ", "content-type "),
        ("größe", "größe"),
        ("straße-x", "straße-x"),
        ("a\nb", "a\nb"),
        ("a\udcff", "a\udcff"),
        ("", ""),
    ],
)
def test_canonical(name, result):
    assert canonical(name) == result


@given(st.text())
def test_is_name(text):
    """A name is a token: not empty, no spaces, no line breaks at its end, ASCII."""
    assert is_name(text) == (text != "" and all(character in TOKEN_CHARACTERS for character in text))


@given(st.lists(st.tuples(TOKENS.map(str.encode), st.binary())))
def test_bytes_go_out_as_they_came_in(pairs):
    """Values survive the way through text, whatever their bytes; names become canonical, the order by name stays."""
    collected = collect(pairs)
    expected = {}
    for name, value in pairs:
        expected.setdefault(canonical(name.decode()), []).append(value.rstrip(b" \t"))
    assert lines(collected) == b"".join(
        name.encode() + b": " + value + b"\r\n" for name, values in expected.items() for value in values
    )


SOME = {"A": ["1", "2"], "B": ["3"]}


@pytest.mark.parametrize(("name", "ends"), [("A", ("1", "2")), ("B", ("3", "3")), ("C", ("", "")), ("D", ("", ""))])
def test_first_and_last(name, ends):
    """The value at either end, and an empty text where there is none."""
    found = SOME | {"D": []}
    assert (headers.first(found, name), headers.last(found, name)) == ends


def test_without():
    """Named headers go; the original is not changed."""
    assert headers.without(SOME, {"A", "C"}) == {"B": ["3"]}
    assert headers.without(SOME, frozenset()) == SOME
    assert len(SOME) == 2


def test_masked():
    """One mask stands for all values of a header; the original is not changed."""
    assert headers.masked(SOME, {"A", "C"}) == {"A": [MASK], "B": ["3"]}
    assert headers.masked(SOME, frozenset()) == SOME
    assert SOME["A"] == ["1", "2"]


@pytest.mark.parametrize(
    ("connection", "option_names"),
    [
        (["close"], set()),
        (["Keep-Alive, CLOSE ,"], set()),
        (["x-a"], {"X-A"}),
        (["close, x-a", "X-B,,"], {"X-A", "X-B"}),
        (["x-" + "a" * 1000], {"X-A" + "a" * 999}),
        ([""], set()),
        ([], set()),
        (["x a, größe"], {"x a", "größe"}),
    ],
)
def test_connection_options(connection, option_names):
    """Names that Connection lists, canonical; those that say nothing of a header are left out."""
    assert connection_options({"Connection": connection}) == option_names
    assert connection_options({"A": ["1"]}) == frozenset()


def test_long_names_are_not_kept():
    """What clients send does not fill the memory by way of a cache."""
    name = "x-" + "a" * 10_000
    before = headers._kept_canonical.cache_info(), len(headers._kept_names), headers._options.cache_info()
    assert canonical(name) == name.capitalize()[:1] + "-A" + "a" * 9_999
    assert collect([(name.encode(), b"")]) == {canonical(name): [""]}
    assert connection_options({"Connection": [name]}) == {canonical(name)}
    after = headers._kept_canonical.cache_info(), len(headers._kept_names), headers._options.cache_info()
    assert after == before


def test_few_names_are_kept():
    """Nor do many short names."""
    for number in range(10_000):
        collect([(b"x-%d" % number, b"")])
    assert len(headers._kept_names) <= 4096
    assert collect([(b"x-1", b""), (b"X-1", b"2 \t")]) == {"X-1": ["", "2"]}


@pytest.mark.parametrize(
    ("required", "given_headers", "problem"),
    [
        ({}, {}, None),
        ({"A": ("x",)}, {}, "missing"),
        ({"A": ("x",)}, {"A": ["x"]}, None),
        ({"A": ("x",)}, {"A": ["X"]}, "values invalid"),
        ({"A": ("x",)}, {"A": ["x", "x"]}, "values invalid"),
        ({"A": ("x", "y")}, {"A": ["x", "y"]}, None),
        ({"A": ("x", "y")}, {"A": ["y", "x"]}, "values invalid"),
        ({"A": ("x", "y")}, {"A": ["x"]}, "values invalid"),
        ({"A": ("é",)}, {"A": ["é"]}, None),
        ({"A": ("x",)}, {"A": ["\udcff"]}, "values invalid"),
        ({"A": ANY_VALUE}, {"A": ["anything"]}, None),
        ({"A": ANY_VALUE}, {"A": [""]}, "values missing"),
        ({"A": ANY_VALUE}, {"A": ["x", ""]}, "values missing"),
        ({"Content-Type": ("application/json",)}, {"Content-Type": ["Application/JSON ; charset=utf-8"]}, None),
        ({"Content-Type": ("application/json",)}, {"Content-Type": ["application/jsonx"]}, "values invalid"),
        ({"Content-Type": ("application/json",)}, {"Content-Type": []}, "values invalid"),
    ],
)
def test_unmet(required, given_headers, problem):
    """What a router requires, and what the client is told; never a value."""
    found = unmet(required, given_headers)
    name = next(iter(required), "")
    assert (found and found.text) == (problem and f"unauthorized header:'{name}' {problem}")


@given(st.lists(TEXTS, min_size=1), st.lists(TEXTS))
def test_only_the_very_values_are_accepted(wanted, values):
    """Required values are met by themselves and nothing else."""
    accepted = unmet({"X-Key": tuple(wanted)}, {"X-Key": values}) is None
    if tuple(wanted) != ANY_VALUE:
        assert accepted == (wanted == values)
