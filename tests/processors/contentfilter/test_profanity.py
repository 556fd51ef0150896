"""The default classifier, with its real model."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.contentfilter import profanity
from processors.contentfilter.profanity import pieces


@pytest.fixture(scope="module")
def score():
    """Return a function that returns the score of a text, the highest of its pieces."""
    pytest.importorskip("profanity_check", reason="alt-profanity-check is not installed (the extra contentfilter)")
    classify = profanity.load()
    return lambda *strings: max(classify(strings)["toxicity"])


NEUTRAL = [
    "Who were the founders of Microsoft?",
    "How do I kill a process in Linux?",
    "Please summarise the attached report in three bullet points.",
    "Write a short story about a war between two kingdoms.",
    "The patient has breast cancer; what are the treatment options?",
    "Translate 'Where is the railway station?' into German.",
    "What is the recommended dose of ibuprofen for a child?",
    "Our lawyers suggest that we reject the offer.",
    "How does a condom prevent pregnancy?",
    "Thanks, that was very helpful!",
    "Why does my code crash with a segmentation fault?",
    "Can you help me to write a polite reply to an angry customer?",
]
TOXIC = [
    "Im sick of this nonsense!",
    "You are an idiot.",
    "I will kill you and your family.",
    "Go to hell, you piece of garbage.",
    "Shut up, nobody likes you.",
    "What a pathetic loser you are.",
    "You stupid moron, can you not read?",
    "I hope you die.",
    "This is bullshit and you know it.",
    "All women are stupid and should stay in the kitchen.",
    "Kill yourself.",
    "You disgust me, ugly creep.",
]


@pytest.mark.parametrize("text", NEUTRAL)
def test_neutral(score, text):
    """Ordinary requests are far below the default threshold (seen: 0.00 to 0.15)."""
    assert score(text) < 0.3


@pytest.mark.parametrize("text", TOXIC)
def test_toxic(score, text):
    """Plain insults are far above it (seen: 0.82 to 1.00). The first one is the original's example."""
    assert score(text) > 0.7


@pytest.mark.parametrize("text", TOXIC)
def test_in_a_long_message(score, text):
    """A toxic sentence has the same score among 10,000 neutral ones."""
    sentences = random.Random(text).choices(NEUTRAL, k=10_000)
    assert score(" ".join(sentences)) < 0.3
    sentences[7_000] = text
    assert score(" ".join(sentences)) == score(text)
    assert score("\n".join(sentences)) == score(text)


@pytest.mark.parametrize("text", ["you are an idiot", "shut up nobody likes you", "what a pathetic loser you are"])
def test_without_punctuation(score, text):
    """It is also found in a sentence without an end.

    A window may miss the words that make "kill a process" harmless.
    """
    plain = " ".join(NEUTRAL[2:]).replace(".", "").replace("?", "").replace("!", "")
    assert score(f"{plain} " * 20) < 0.5
    assert score(f"{plain} " * 10 + f"{text} " + f"{plain} " * 10) > 0.5


def test_each_text(score):
    """The highest score of the texts counts."""
    assert score(*NEUTRAL, TOXIC[0], *NEUTRAL) == score(TOXIC[0])


@pytest.mark.parametrize("text", [" ", "\n", "\u200b", "\0", ".", "漢字。", "\ud800", "x" * 300_000, "a. " * 10_000])
def test_odd_texts(score, text):
    """Any text is accepted, and text without words is not toxic."""
    assert 0 <= score(text) < 0.2


def test_threads(score):
    """It is thread-safe."""
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(score, TOXIC * 10))
    assert found == [score(text) for text in TOXIC] * 10


@given(st.text(alphabet="ab .!?\n\t"))
def test_pieces(text):
    """There is a piece, none is longer than a sentence may be, and each word is in one or two, in order."""
    found = list(pieces(text))
    assert found
    assert all(len(piece.split()) <= 20 for piece in found)
    assert len(text.split()) <= sum(len(piece.split()) for piece in found) <= 2 * len(text.split())


def test_windows():
    """A long sentence is split into overlapping windows, up to its last word."""
    found = list(pieces(" ".join(str(number) for number in range(22))))
    assert found[0] == "0 1 2 3 4 5 6 7"
    assert found[1] == "4 5 6 7 8 9 10 11"
    assert found[-1] == "16 17 18 19 20 21"
