"""INFO messages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.errors import BusError
from gecholog.server_info import ServerInfo

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
FIELDS = ["server_id", "max_payload", "connect_urls", "tls_required", "tls_available", "ldm", "nonce"]


def test_fields():
    """What a server of a cluster says."""
    said = {"server_id": "N1", "max_payload": 8, "connect_urls": ["a:1", "b:2"], "tls_required": True, "nonce": "n"}
    info = ServerInfo.parse(json.dumps(said | {"ldm": True, "tls_available": True}).encode())
    assert info == ServerInfo("N1", 8, ("a:1", "b:2"), True, True, True, "n")
    assert ServerInfo.parse(b"{}") == ServerInfo()


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_fields_of_other_types(said):
    """A field of another type is equivalent to none."""
    info = ServerInfo.parse(json.dumps(said).encode())
    assert info.max_payload > 0
    assert all(isinstance(url, str) for url in info.connect_urls)


@pytest.mark.parametrize("data", [b"", b"[]", b"3", b"{nonsense"])
def test_no_server(data):
    """What is not a JSON object does not come from a NATS server."""
    with pytest.raises(BusError, match="no NATS server"):
        ServerInfo.parse(data)
