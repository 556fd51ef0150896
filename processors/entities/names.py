"""Finds names of people, places and companies by their capital letters. Pure functions.

There is no list of names. A run of capitalised words is a name, unless it is only the first word of a sentence. In
languages that capitalise all nouns it finds too many, and in scripts without capital letters none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile

Span = tuple[int, int, str]
"""Start, end and label of an entity in a text."""

NAME, ORG, PERSON = "NAME", "ORG", "PERSON"

_WORD = re.compile(r"[^\W\d_]++(?:['’&-][^\W\d_]++)*+\.?")  # noqa: RUF001 - the typographic apostrophe
_SPACES = frozenset({" ", "  "})
_SENTENCE_ENDS = frozenset('.!?:\n\r;"“”([{*#>-•|`')
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "professor", "sir", "lady", "herr", "frau", "madame"})
_COMPANIES = frozenset(
    {"inc", "ltd", "llc", "corp", "corporation", "company", "co", "plc", "gmbh", "ag", "ab", "as", "oy", "bv", "nv"}
    | {"sa", "spa", "srl", "kg", "se", "university", "institute", "bank", "group", "foundation", "association"}
)
_LINKS = frozenset({"of", "de", "del", "della", "da", "di", "du", "la", "le", "van", "von", "der", "den", "bin", "al"})
# Words that begin sentences, especially questions and commands, and are not part of a name.
_OPENINGS = (
    "a about after all also although an and any are as ask at based be because before but by can could create"
    " dear describe did do does each every explain find first for from further get give had has have he hello help her"
    " here hi his how however i i'd i'll i'm i've if in is it it's its just know let let's list make me might more most"
    " must my next no not now ok okay on once one only or other our please provide return say see she should show since"
    " so some such summarize tell thank thanks that the their them then there these they this those though thus to"
    " translate try under until use using was we were what when where whether which while who whom whose why with"
    " within without would write yes yet you your"
)
_COMMON = frozenset(_OPENINGS.split())
_MAX_WORDS = 6  # a longer run is a headline
_SHOUTING = 3  # words in all capitals


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int

    @property
    def bare(self) -> str:
        """The word in lower case, without the dot of an abbreviation."""
        return self.text.rstrip(".").lower()

    @property
    def is_capital(self) -> bool:
        return self.text[0].isupper()

    @property
    def has_inner_capital(self) -> bool:
        """Whether there is a capital after the first letter, as in OpenAI. It then does not just begin a sentence."""
        return not self.text.isupper() and any(map(str.isupper, self.text[1:]))


def names(text: str) -> Iterator[Span]:
    """Yield the names in `text` in order."""
    for run in _runs(text):
        name = list(dropwhile(_is_before_a_name, run))
        before = run[: len(run) - len(name)]
        if name and _is_name(text, name, begun=bool(before)):
            yield name[0].start, _end(name[-1]), _label(before, name)


def _is_before_a_name(word: _Word) -> bool:
    return word.bare in _COMMON or word.bare in _TITLES or word.text in _LINKS


def _runs(text: str) -> Iterator[list[_Word]]:
    """Yield runs of capitalised words, with lower-case linking words between them."""
    run: list[_Word] = []
    links: list[_Word] = []
    for match in _WORD.finditer(text):
        word = _Word(match.group(), match.start(), match.end())
        last = (links or run)[-1:]
        follows = bool(last) and _follows(text, last[0], word)
        if word.is_capital:
            if not follows:
                yield from [run] if run else []
                run = []
            run += [*links, word] if follows else [word]
            links = []
        elif follows and word.text in _LINKS and len(links) < 2:  # noqa: PLR2004 - van der, de la
            links.append(word)
        else:
            yield from [run] if run else []
            run, links = [], []
    if run:
        yield run


def _follows(text: str, before: _Word, word: _Word) -> bool:
    """Tell whether only space separates two words, and the dot of the first one does not end a sentence."""
    if before.text.endswith(".") and before.bare not in _TITLES and len(before.bare) > 1:
        return False
    return text[before.end : min(word.start, before.end + 3)] in _SPACES


def _is_name(text: str, name: list[_Word], *, begun: bool) -> bool:
    """Tell whether these words are a name. With `begun`, other words precede them in the sentence."""
    if len(name) > 1:
        return len(name) <= _MAX_WORDS and not _is_shouted(name)
    alone = name[0]
    return len(alone.bare) > 1 and (begun or alone.has_inner_capital or not _begins_sentence(text, alone))


def _is_shouted(run: list[_Word]) -> bool:
    return len(run) >= _SHOUTING and all(word.text.isupper() for word in run)


def _begins_sentence(text: str, word: _Word) -> bool:
    before = text[max(0, word.start - 3) : word.start].rstrip(" ")
    return not before or before[-1] in _SENTENCE_ENDS


def _label(before: list[_Word], name: list[_Word]) -> str:
    if any(word.bare in _TITLES for word in before):
        return PERSON
    return ORG if len(name) > 1 and name[-1].bare in _COMPANIES else NAME


def _end(word: _Word) -> int:
    """Return the end of a name. A final dot belongs to the sentence, unless it is part of a company's abbreviation."""
    return word.end if word.bare in _COMPANIES or not word.text.endswith(".") else word.end - 1
