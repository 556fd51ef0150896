"""What records show of payloads."""

import hashlib
import json

import pytest

from gecholog.rawjson import Raw
from services.gl.record import payload as payloads
from services.gl.record.privacy import HIDDEN, PayloadPrivacy, strictest
from services.gl.record.redaction import MASK, compiled

WORD = PayloadPrivacy(patterns=(compiled("secret"),))
BODY = b'{"a": "secret"}'


def digest(data):
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize("data", [BODY, b"secret text", b"\xff secret"])
def test_hidden(data):
    """Size and hash are those of the body."""
    shown = HIDDEN.shown(payloads.recorded(data, "text/plain", 10_000).value)
    assert {name: shown[name] for name in ("size", "sha256")} == digest(data)
    assert "secret" not in json.dumps(shown)


@pytest.mark.parametrize("rule", [HIDDEN, WORD])
def test_the_head_of_a_large_body_is_hidden(rule):
    """A match may be cut off at its end."""
    data = BODY + b" " * 2000
    assert rule.shown(payloads.recorded(data, "", 1000).value) == digest(data)
    assert rule.shown(payloads.truncate_to(Raw(data), 1000)) == digest(data)


def test_masked():
    value = Raw(BODY)
    assert WORD.shown(value) == f'{{"a": "{MASK}"}}'.encode()
    assert type(WORD.shown(value)) is Raw
    other = Raw(b'{"a": 1}')
    assert WORD.shown(other) is other
    assert WORD.shown("a secret") == f"a {MASK}"
    assert WORD.shown("") == ""


@pytest.mark.parametrize("space", ["", "\n", " \r\n\t" * 100])
@pytest.mark.parametrize(
    "events", ['data: {"t":"sec"}\n\ndata: {"t":"ret"}\n\n', '{"t":"sec"}\n{"t":"ret"}\n', ": ping\n\ndata: x\n\n"]
)
def test_a_stream_that_was_not_folded_is_hidden(space, events):
    """A match may be spread over its events."""
    text = space + events
    assert WORD.shown(text) == digest(text.encode())
    written = Raw(json.dumps(text).encode())
    assert WORD.shown(written) == digest(written)


def test_a_value_is_shown_by_the_rule_that_asks():
    """The result is kept with the value, and another rule has its own."""
    value = Raw(BODY)
    assert WORD.shown(value) is WORD.shown(value)
    assert HIDDEN.shown(value) == digest(BODY)


def test_a_large_value_is_prepared_once():
    """Searching it is for a thread; after that the result is at hand. Hashing does not take so long."""
    value = Raw(b'{"a": "%b"}' % (b"x" * 20_000))
    assert WORD.takes_long(value)
    assert not HIDDEN.takes_long(value)
    assert not WORD.takes_long(Raw(BODY))
    WORD.prepare(value)
    assert not WORD.takes_long(value)


def test_strictest():
    other = PayloadPrivacy(patterns=(compiled("x"),))
    assert strictest(None, None) is None
    assert strictest(None, WORD) is WORD
    assert strictest(WORD, WORD) is WORD
    assert strictest(WORD, HIDDEN) == PayloadPrivacy(True, WORD.patterns)
    assert strictest(WORD, other).patterns == (*WORD.patterns, *other.patterns)
