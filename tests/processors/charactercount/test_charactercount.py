"""charactercount by itself, and as a program beside a real gateway."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.testing import ask
from processors.charactercount.charactercount import processor
from tests.processors.rig import house

FOLDER = Path(__file__).parents[3] / "processors" / "charactercount"


@pytest.mark.parametrize(
    ("payload", "characters"), [({"a": 1}, 7), ({}, 2), (None, 4), ("", 2), ("text", 6), ("é", 3), ([1, 2.5], 7)]
)
def test_count(payload, characters):
    """The characters of the JSON text."""
    assert ask(processor, {"ingress_payload": payload}) == {"character_count": characters}


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_count_of_anything(payload):
    """Whatever is sent is counted as it is written."""
    text = json.dumps(payload, separators=(",", ":"))
    message = json.dumps({"ingress_payload": payload}, indent=2).encode()
    assert json.loads(asyncio.run(processor.answer(message))) == {"character_count": len(text)}


@pytest.mark.parametrize(
    "fields", [{}, {"gl_path": "/a/"}, {"inbound_payload": 1}, {"inbound_payload": 1, "ingress_payload": 1}]
)
def test_nothing_to_count(fields):
    """Without a payload of a request there is nothing to write."""
    assert ask(processor, fields) == {}


def test_the_entry_of_the_readme():
    """It is the one of the example."""
    block = re.search(r"^```json\n(.*?)^```$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    values = json.loads((FOLDER / "gl_config.json").read_text("utf-8"))
    assert [json.loads(block[1])] == values["request"]["processors"]


def test_in_the_record(tmp_path, plain_nats_server):
    """With the example's config, each record has the count; several of it may run."""
    with house(tmp_path, plain_nats_server, FOLDER / "gl_config.json") as home:
        home.run_module("processors.charactercount")
        home.run_module("processors.charactercount")
        for text in ("", "Hello", "Hällo", "🦎"):
            body = json.dumps({"messages": [text]}, ensure_ascii=False).encode()
            reply = home.post("/dummy/v1", body=b"\n" + body)
            assert reply.json() == {"ok": True}
            assert home.record(reply)["request"]["character_count"] == len('{"messages":[""]}') + len(text)
