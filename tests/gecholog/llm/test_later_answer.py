"""Which requests ask for an answer that is fetched later."""

import json

import pytest

from gecholog.llm.later_answer import asks_for_later_answer


@pytest.mark.parametrize(
    "body",
    [
        b'{"background": true}',
        b'{"deferred":1}',
        b'{"background": 1.0}',
        b'{"background": "Yes"}',
        b'{"a": NaN, "background": "True"}',
        b'\xef\xbb\xbf{"background": true}',
        json.dumps({"background": True}).encode("utf-32"),
        b'{"b\\u0061ckground": true}',
        b'{"background": true, "background": false}',
        b'{"background": true',  # a server may be less strict
    ],
)
def test_later(body):
    assert asks_for_later_answer(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\1",
        b'{"background": false, "deferred": null}',
        b'{"background": "opaque"}',
        b'{"input": {"background": true}}',
        b'{"input": "\\"background\\": true"}',
        b'{"Background": true}',
        b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na background\r\n--x--',
    ],
)
def test_now(body):
    assert not asks_for_later_answer(body)
