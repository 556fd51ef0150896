"""The secret store: what it keeps, who can read it, and what a change of its file does."""

import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from gecholog.secret_key import SecretStoreError
from gecholog.secret_store import SecretStore
from tests.support.process import ROOT

HEX, OTHER = "0f" * 32, "a1" * 32
HOSTS = ("api.openai.com",)


@pytest.fixture
def store(tmp_path):
    return SecretStore(tmp_path, {})


def test_a_secret_from_its_creation_to_its_end(store):
    assert store.entries() == ()
    assert store.put("OPENAI", "sk-hidden", HOSTS, "ann") is None
    assert store.open("OPENAI").value == "sk-hidden"
    assert store.put("OPENAI", "sk-second", ("*.example.com",), "bob").hosts == HOSTS
    (entry,) = store.entries()
    assert (entry.name, entry.hosts, entry.changed_by) == ("OPENAI", ("*.example.com",), "bob")
    assert store.open("OPENAI").value == "sk-second"
    assert store.delete("OPENAI").name == "OPENAI"
    assert store.delete("OPENAI") is None
    assert store.open("OPENAI") is None


def test_files_are_for_the_owner_and_have_no_secret(store):
    store.put("A", "sk-hidden", HOSTS, "ann")
    for file in (store.file, store.keys.file):
        assert file.stat().st_mode & 0o777 == 0o600
        assert b"sk-hidden" not in file.read_bytes()
    assert "sk-hidden" not in repr(store.open("A"))


@pytest.mark.parametrize(
    "key",
    [HEX, HEX.upper(), base64.b64encode(bytes(32)).decode(), base64.urlsafe_b64encode(b"\xff" * 32).decode()[:-1]],
)
@pytest.mark.parametrize("variable", ["GECHOLOG_ENCRYPTION_KEY", "LLM_PROXY__ENCRYPTION_KEY"])
def test_a_key_from_the_environment(tmp_path, key, variable):
    store = SecretStore(tmp_path, {variable: key})
    store.put("A", "sk-hidden", HOSTS, "ann")
    assert store.open("A").value == "sk-hidden"
    assert not store.keys.file.exists()
    with pytest.raises(SecretStoreError, match="key of the secret store is missing"):
        SecretStore(tmp_path, {}).open("A")
    with pytest.raises(SecretStoreError, match="key of the secret store is missing"):
        SecretStore(tmp_path, {}).put("B", "new", HOSTS, "ann")
    with pytest.raises(SecretStoreError, match="another key"):
        SecretStore(tmp_path, {variable: OTHER}).open("A")


@pytest.mark.parametrize("key", ["short", "zz" * 32, "0" * 63, base64.b64encode(bytes(31)).decode(), "ü" * 44])
def test_a_wrong_key_is_refused_and_not_quoted(tmp_path, key):
    with pytest.raises(SecretStoreError, match="GECHOLOG_ENCRYPTION_KEY must be 32 bytes as hex or base64") as raised:
        SecretStore(tmp_path, {"GECHOLOG_ENCRYPTION_KEY": key}).put("A", "x", HOSTS, "ann")
    assert key not in str(raised.value)


def test_a_key_in_the_environment_follows_a_generated_one(store, tmp_path):
    store.put("OLD", "one", HOSTS, "ann")
    later = SecretStore(tmp_path, {"GECHOLOG_ENCRYPTION_KEY": HEX})
    later.put("NEW", "two", HOSTS, "ann")
    assert (later.open("OLD").value, later.open("NEW").value) == ("one", "two")


def change(store, edit):
    value = json.loads(store.file.read_text())
    edit(value["secrets"])
    store.file.write_text(json.dumps(value))


def swap(entries):
    entries["A"], entries["B"] = entries["B"], entries["A"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda entries: entries["A"].update(hosts=["evil.example"]),
        lambda entries: entries["A"]["hosts"].append("evil.example"),
        lambda entries: entries["A"].update(nonce=base64.b64encode(bytes(12)).decode()),
        lambda entries: entries["A"].update(data=entries["A"]["data"][:-4]),
        lambda entries: entries["A"].update(data="?"),
        lambda entries: entries["A"].pop("hosts"),
        lambda entries: entries.update(A="text"),
        swap,
    ],
)
def test_who_writes_the_file_without_the_key_gets_nothing(store, edit):
    """Not other hosts, not another name, not other bytes."""
    store.put("A", "sk-hidden", HOSTS, "ann")
    store.put("B", "sk-other", ("b.example",), "ann")
    change(store, edit)
    with pytest.raises(SecretStoreError, match="A") as raised:
        store.open("A")
    assert "sk-" not in str(raised.value)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"version": 2, "secrets": {}}', '{"version": 1}'])
def test_a_file_that_is_no_store(store, content):
    store.file.parent.mkdir()
    store.file.write_text(content)
    with pytest.raises(SecretStoreError, match="secret store"):
        store.entries()


@pytest.mark.parametrize(
    ("name", "value", "hosts"),
    [
        ("", "x", HOSTS),
        ("a.b", "x", HOSTS),
        ("A", "", HOSTS),
        ("A", "x" * 16_385, HOSTS),
        ("A", "x", ()),
        ("A", "x", ("*",)),
    ],
)
def test_what_cannot_be_stored(store, name, value, hosts):
    with pytest.raises(SecretStoreError):
        store.put(name, value, hosts, "ann")
    assert not store.file.exists()


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    """Also the first ones, which need a key that is not there yet."""

    def write(number):
        SecretStore(tmp_path, {}).put(f"S{number}", str(number), HOSTS, "ann")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = SecretStore(tmp_path, {})
    assert [store.open(f"S{number}").value for number in range(8)] == [str(number) for number in range(8)]


def test_a_store_that_cannot_be_read(store):
    store.file.parent.mkdir()
    os.mkfifo(store.file)
    with pytest.raises(SecretStoreError, match="is a FIFO"):
        store.entries()


def test_a_key_file_is_whole_or_not_there(store, monkeypatch):
    """A process that ends while it generates the key leaves nothing that later ones would take for it."""

    def ended(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", ended)
        with pytest.raises(KeyboardInterrupt):
            store.put("A", "sk-hidden", HOSTS, "ann")
    assert not store.keys.file.exists()
    store.put("A", "sk-hidden", HOSTS, "ann")
    assert store.open("A").value == "sk-hidden"
    assert [file.name for file in store.keys.file.parent.iterdir()] == [store.keys.file.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change owners")
def test_what_root_writes_belongs_to_the_owner_of_the_home_folder():
    """Otherwise the services could not read it."""
    with tempfile.TemporaryDirectory() as home:  # not in tmp_path, whose parents are root's alone
        os.chown(home, 12345, 12346)
        command = [sys.executable, "-m", "services.gui.secrets", "set", "A", "--host", *HOSTS]
        environ = os.environ | {"GECHOLOG_HOME": home, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, env=environ, cwd=home, input="sk-hidden", text=True, check=True)
        written = {path.name: path.stat() for path in Path(home).rglob("*") if path.is_file()}
    assert set(written) == {"secrets.json", ".secrets.lock", "encryption_key"}
    assert {(one.st_uid, one.st_gid) for one in written.values()} == {(12345, 12346)}
