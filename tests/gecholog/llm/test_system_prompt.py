"""A system prompt for requests that have none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.system_prompt import with_system_prompt

PROMPT = 'Always "respond" in English.'
USER = {"role": "user", "content": "Hi"}
SYSTEM = {"role": "system", "content": PROMPT}


@pytest.mark.parametrize(
    ("endpoint", "request_", "wanted"),
    [
        ("chat/completions", {"messages": [USER]}, {"messages": [SYSTEM, USER]}),
        ("chat/completions", {"messages": []}, {"messages": [SYSTEM]}),
        ("chat/completions", {"messages": [USER, {"role": "developer", "content": "x"}]}, None),
        ("chat/completions", {"messages": [{"role": "system", "content": "x"}, USER]}, None),
        ("chat/completions", {"messages": "wrong"}, None),
        ("chat/completions", {}, None),
        ("responses", {"input": "Hi"}, {"input": "Hi", "instructions": PROMPT}),
        ("responses", {"input": "Hi", "instructions": "x"}, None),
        ("responses", {"input": [{"role": "system", "content": "x"}]}, None),
        ("messages", {"messages": [USER]}, {"messages": [USER], "system": PROMPT}),
        ("messages", {"messages": [USER], "system": "x"}, None),
        ("embeddings", {"input": "Hi"}, None),
    ],
)
def test_added_where_there_is_none(endpoint, request_, wanted):
    """At the place that the API has for it; all other bytes stay, and a request that has one is left alone."""
    body = json.dumps({"model": "m", **request_}, indent=1).encode()
    changed = with_system_prompt(body, endpoint, PROMPT)
    if wanted is None:
        assert changed == body
    else:
        assert json.loads(changed) == {"model": "m", **wanted}
        assert len(changed) > len(body)


@given(st.binary(max_size=60), st.sampled_from(["chat/completions", "responses", "messages"]))
def test_any_bytes(body, endpoint):
    """What cannot be read is the provider's to refuse."""
    with_system_prompt(body, endpoint, PROMPT)
