"""Names, detected by their capital letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.entities.names import names


def found(text):
    return [(text[start:end], label) for start, end, label in names(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It was founded by Bill Gates and Paul Allen.", ["Bill Gates", "Paul Allen"]),
        ("Who founded Microsoft?", ["Microsoft"]),
        ("Bill Gates did.", ["Bill Gates"]),
        ("Ask Bill", ["Bill"]),
        ("The Bank of America, in New York.", ["Bank of America", "New York"]),
        ("a sonata of Ludwig van Beethoven", ["Ludwig van Beethoven"]),
        ("Simone de la Cruz sang", ["Simone de la Cruz"]),
        ("it says OpenAI. OpenAI says", ["OpenAI", "OpenAI"]),
        ("by J. R. R. Tolkien.", ["J. R. R. Tolkien"]),
        ("to Anne-Marie O'Neill", ["Anne-Marie O'Neill"]),
        ("near Åre and Überlingen", ["Åre", "Überlingen"]),
        ("in Paris.\nRome is", ["Paris"]),
        ("Hello. How are you? I am well. Lizards are green.", []),
        ("- Paris\n- Rome", []),
        ("PLEASE READ THIS NOW", []),
        ("All Of These Words Have Capitals In This Headline", []),
        ("nothing here", []),
        ("I", []),
        ("", []),
    ],
)
def test_names(text, expected):
    """Capitalized words are a name, unless the start of a sentence explains the capital."""
    assert [name for name, _ in found(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ask Prof. Dr. Jane Goodall", [("Jane Goodall", "PERSON")]),
        ("Mrs Dalloway said", [("Dalloway", "PERSON")]),
        ("of Acme Widgets Inc. in", [("Acme Widgets Inc.", "ORG")]),
        ("of Acme GmbH.", [("Acme GmbH.", "ORG")]),
        ("a Dr. in the house", []),
    ],
)
def test_labels(text, expected):
    """Titles indicate people, and suffixes companies."""
    assert found(text) == expected


@given(st.text() | st.text(alphabet="Ab. \n,ofvande"))
def test_any_text(text):
    """Spans are in order, do not overlap, and begin with a letter."""
    last = 0
    for start, end, label in names(text):
        assert last <= start < end <= len(text)
        assert text[start].isalpha()
        assert label in {"NAME", "ORG", "PERSON"}
        last = end


@pytest.mark.parametrize("part", ["A ", "Aa ", "The ", "Aa de ", "Mr. ", "a. B. "])
def test_long(part):
    """A text of a hundred thousand words takes little time."""
    assert len(found(part * 100_000)) <= 100_000
