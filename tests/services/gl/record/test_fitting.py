"""A record is never larger than the bus takes."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gecholog.rawjson import Raw, dumps
from services.gl.record.fitting import shrink

texts = st.one_of(
    st.text(max_size=50),
    st.integers(0, 60_000).map(lambda size: "x" * size),
    st.integers(0, 30_000).map(lambda size: '"\\' * size),
    st.integers(0, 20_000).map(lambda size: "é\n" * size),
    st.integers(0, 9_000).map(lambda size: "\0" * size),
)
payloads = (
    texts | texts.map(lambda text: Raw(json.dumps({"text": text}).encode())) | texts.map(lambda text: {"a": [text]})
)
names = st.sampled_from(["ingress_payload", "inbound_payload", "headers", "url", "error", "other"])
sides = st.dictionaries(names, payloads, max_size=6)


def size_of_uncuttable(record):
    """The bytes that are left when every field is as small as it gets."""
    return 6000 * 12 + sum(len(json.dumps(name)) for side in ("request", "response") for name in record[side])


@given(sides, sides, st.integers(1000, 300_000))
def test_fitted_is_within_the_limit(request_fields, response_fields, limit):
    """A record fits, unless nothing in it is left to cut; it is JSON, and says what was cut."""
    record = {"transaction_id": "T", "request": request_fields, "response": response_fields}
    before = {
        (side, name): json.loads(dumps(record[side][name])) for side in ("request", "response") for name in record[side]
    }
    data = shrink(dumps(record), limit, "to fit")
    record = json.loads(data)
    assert len(data) <= max(limit, size_of_uncuttable(record))
    cut = {tuple(entry["name"].split(".", 1)) for entry in record.get("error", ())}
    for (side, name), value in before.items():
        if (side, name) in cut:
            assert set(record[side][name]) == {"size", "sha256", "head"}
        else:
            assert record[side][name] == value


def test_fitted_cuts_the_largest_first():
    """What is small stays whole."""
    record = {"request": {"a": "x" * 5000, "b": "y" * 200_000}, "response": {"c": "z" * 9000}}
    record = json.loads(shrink(dumps(record), 50_000, "to fit"))
    assert record["request"]["a"] == "x" * 5000
    assert record["response"]["c"] == "z" * 9000
    assert record["request"]["b"]["size"] == 200_002
    assert [entry["name"] for entry in record["error"]] == ["request.b"]


def test_fitted_leaves_alone_what_fits():
    """A record of exactly the limit is not touched."""
    record = {"request": {"a": "x" * 5000}, "response": {}}
    size = len(json.dumps(record, separators=(",", ":")))
    assert json.loads(shrink(dumps(record), size, "to fit")) == record


def test_fitted_keeps_what_was_noted():
    """What the record says of itself already stays; numbers keep their digits."""
    note = {"name": "recovered", "details": "x"}
    record = b'{"request":{"a":"%b"},"response":{"n":1.10},"error":[%b]}' % (b"x" * 50_000, dumps(note))
    data = shrink(record, 20_000, "to fit")
    assert [entry["name"] for entry in json.loads(data)["error"]] == ["recovered", "request.a"]
    assert b'"n":1.10' in data
