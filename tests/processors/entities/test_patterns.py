"""Entities without a model."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.entities.patterns import load, recognize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "see https://example.com/a?b=c, and www.example.org.",
            [("https://example.com/a?b=c", "URL"), ("www.example.org", "URL")],
        ),
        ("to jane.d+x@mail.example.co.uk.", [("jane.d+x@mail.example.co.uk", "EMAIL")]),
        ("from 192.0.2.7 and 2001:db8::1", [("192.0.2.7", "IP"), ("2001:db8::1", "IP")]),
        ("no 999.1.1.1, no 1.2.3.4.5, no a::b, no 1:2", []),
        ("call +46 70 123 45 67 or (555) 123-4567", [("+46 70 123 45 67", "PHONE"), ("(555) 123-4567", "PHONE")]),
        ("card 4111 1111 1111 1111", [("4111 1111 1111 1111", "CARD")]),
        ("card 4111 1111 1111 1112", []),
        ("to GB82 WEST 1234 5698 7654 32", [("GB82 WEST 1234 5698 7654 32", "IBAN")]),
        ("on April 4, 1975", [("April 4, 1975", "DATE")]),
        (
            "on 4th of July 1976, 2024-01-31 or 31.1.2024",
            [("4th of July 1976", "DATE"), ("2024-01-31", "DATE"), ("31.1.2024", "DATE")],
        ),
        ("on Monday at 5:30 pm or 6am", [("Monday", "DATE"), ("5:30 pm", "TIME"), ("6am", "TIME")]),
        (
            "for $5 million, 20 EUR or 1.000,50 €",
            [("$5 million", "MONEY"), ("20 EUR", "MONEY"), ("1.000,50 €", "MONEY")],
        ),
        ("by 3.5% or 10 percent", [("3.5%", "PERCENT"), ("10 percent", "PERCENT")]),
        ("for Dr. Jane Goodall at Acme Inc.", [("Jane Goodall", "PERSON"), ("Acme Inc.", "ORG")]),
        ("version 3 of 12 parts, id 12345", []),
        ("", []),
    ],
)
def test_find(text, expected):
    """Entities with a fixed format are found, and nothing that only resembles them."""
    assert list(recognize(text)) == expected


def test_load():
    """The built-in finder is this one."""
    assert list(load()("by Bill Gates")) == [("Bill Gates", "NAME")]


@settings(deadline=None)
@given(st.text() | st.text(alphabet="Aa1 .:@+-/$%hts(,"))
def test_any_text(text):
    """Each result occurs in the text, in order."""
    at = 0
    for entity, label in recognize(text):
        assert entity
        assert label.isupper()
        at = text.index(entity, at) + 1


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "1 ",
        "1.1",
        "@a.",
        ":",
        "+1",
        "x.y+",
        "AB12 ",
        "((1",
        "https://",
        "May 1 ",
        "1 of ",
        "$1",
        "1:1",
        "a-",
        "1-",
    ],
)
def test_long(part):
    """No input takes time that grows faster than its length: a hundred thousand characters are fast."""
    assert sum(1 for _ in recognize(part * 100_000)) >= 0
