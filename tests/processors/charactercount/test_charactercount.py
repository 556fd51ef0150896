"""charactercount alone, and as a program with a real gateway."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.testing import ask
from processors.charactercount.charactercount import processor
from tests.processors.rig import start_stack

FOLDER = Path(__file__).parents[3] / "processors" / "charactercount"


@pytest.mark.parametrize(
    ("payload", "characters"), [({"a": 1}, 7), ({}, 2), (None, 4), ("", 2), ("text", 6), ("é", 3), ([1, 2.5], 7)]
)
def test_count(payload, characters):
    """It counts the characters of the JSON text."""
    assert ask(processor, {"ingress_payload": payload}) == {"character_count": characters}


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_count_of_anything(payload):
    """Any value is counted as it is written."""
    text = json.dumps(payload, separators=(",", ":"))
    message = json.dumps({"ingress_payload": payload}, indent=2).encode()
    assert json.loads(asyncio.run(processor.answer(message))) == {"character_count": len(text)}


@pytest.mark.parametrize(
    "fields", [{}, {"gl_path": "/a/"}, {"inbound_payload": 1}, {"inbound_payload": 1, "ingress_payload": 1}]
)
def test_nothing_to_count(fields):
    """Without a request payload there is nothing to write."""
    assert ask(processor, fields) == {}


def test_the_entry_of_the_readme():
    """The default is that of the example."""
    block = re.search(r"^```json\n(.*?)^```$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    values = json.loads((FOLDER / "gl_config.json").read_text("utf-8"))
    assert [json.loads(block[1])] == values["request"]["processors"]


def test_in_the_record(tmp_path, plain_nats_server):
    """With the example's config, each record has the count. Several instances may run."""
    with start_stack(tmp_path, plain_nats_server, FOLDER / "gl_config.json") as stack:
        stack.run_module("processors.charactercount")
        stack.run_module("processors.charactercount")
        for text in ("", "Hello", "Hällo", "🦎"):
            body = json.dumps({"messages": [text]}, ensure_ascii=False).encode()
            reply = stack.post("/dummy/v1", body=b"\n" + body)
            assert reply.json() == {"ok": True}
            assert stack.record(reply)["request"]["character_count"] == len('{"messages":[""]}') + len(text)
