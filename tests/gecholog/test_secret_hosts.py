"""Hosts of secrets: which addresses they allow, and which tricks they do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.secret_hosts import allows, host_of_address, hosts_of

LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
NAME = st.lists(LABEL, min_size=2, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("api.openai.com", "https://api.openai.com"),
        ("api.openai.com", "https://API.openai.com:443/v1?x=y"),
        ("https://api.openai.com", "https://api.openai.com./v1"),
        ("*.openai.azure.com", "https://mine.openai.azure.com/openai"),
        ("*.openai.azure.com", "https://a.b.openai.azure.com"),
        ("elastic.example.com:9200", "https://elastic.example.com:9200/_bulk"),
        ("http://10.0.0.5:11434", "http://10.0.0.5:11434/api"),
        ("localhost:11434", "http://localhost:11434"),
        ("localhost", "http://localhost"),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443/v1"),
    ],
)
def test_addresses_that_are_allowed(entry, url):
    assert allows(hosts_of([entry]), url)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("api.openai.com", "http://api.openai.com"),
        ("api.openai.com", "https://api.openai.com:8443"),
        ("api.openai.com", "https://api.openai.com.evil.com"),
        ("api.openai.com", "https://evil.com/api.openai.com"),
        ("api.openai.com", "https://evil.com?api.openai.com"),
        ("api.openai.com", "https://evil.com#api.openai.com"),
        ("api.openai.com", "https://api.openai.com@evil.com"),
        ("api.openai.com", "https://api.openai.com:443@evil.com"),
        ("api.openai.com", "https://evil.com@api.openai.com"),
        ("api.openai.com", "https://evil.com\\@api.openai.com"),
        ("api.openai.com", "https://evil.com\\.api.openai.com"),
        ("api.openai.com", "https://evil.com/\t@api.openai.com"),
        ("api.openai.com", "https://api.openai.com\n.evil.com"),
        ("api.openai.com", "https://api.open\u0430i.com"),
        ("api.openai.com", "https://x-api.openai.com"),
        ("api.openai.com", "//api.openai.com"),
        ("api.openai.com", "api.openai.com"),
        ("api.openai.com", "ftp://api.openai.com"),
        ("api.openai.com", "https://api.openai.com:0"),
        ("api.openai.com", "https://api.openai.com:99999"),
        ("*.openai.azure.com", "https://openai.azure.com"),
        ("*.openai.azure.com", "https://evilopenai.azure.com"),
        ("*.openai.azure.com", "https://*.openai.azure.com"),
        ("localhost:11434", "http://localhost:11435"),
        ("localhost", "http://localhost:11434"),
        ("http://localhost:80", "https://localhost"),
        ("127.0.0.1:80", "http://127.0.0.1.evil.com:80"),
    ],
)
def test_addresses_that_are_not(entry, url):
    assert not allows(hosts_of([entry]), url)


@pytest.mark.parametrize(
    "entry", ["", "*", "*.com", "a.com/x", "a.com?x", "user@a.com", "a b", "ftp://a.com", "a..com", "a*.com", "x.*.com"]
)
def test_entries_that_are_refused(entry):
    with pytest.raises(ValueError, match=r"must|not|top-level|needs"):
        hosts_of([entry])


@given(st.lists(NAME, min_size=1, max_size=4))
def test_a_list_is_stored_as_it_can_be_read_again(names):
    stored = hosts_of(names)
    assert hosts_of(stored) == stored
    assert all(allows(stored, f"https://{name}/v1") for name in names)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_none(text):
    found = host_of_address(text)
    assert found is None or found.name
