"""Credentials: what a server is told, and what is wrong with files."""

import pytest

from gecholog.credentials import Credentials
from gecholog.errors import BusRefused
from tests.support.nats_keys import Key, Operator


@pytest.mark.parametrize(
    ("credentials", "fields"),
    [
        (Credentials(), {"auth_token": ""}),
        (Credentials("t"), {"auth_token": "t", "user": "appliance", "pass": "t"}),
        (Credentials("t", "u"), {"auth_token": "t", "user": "u", "pass": "t"}),
        (Credentials("t", "u", "p"), {"auth_token": "t", "user": "u", "pass": "p"}),
        (Credentials("", "u", "p"), {"auth_token": "", "user": "u", "pass": "p"}),
    ],
)
def test_fields(credentials, fields):
    """A token, and a user whose password is the token unless there is one; a token is that of the appliance."""
    assert credentials.connect_fields("nonce") == fields


def test_files(tmp_path):
    """An NKey signs the nonce; a credentials file sends its JWT as well."""
    key = Key("user")
    (tmp_path / "seed").write_text(key.seed + "\n")
    fields = Credentials(nkey_file=str(tmp_path / "seed")).connect_fields("nonce")
    assert fields["nkey"] == key.public
    assert fields["sig"]
    file = Operator().write_credentials(tmp_path / "user.creds")
    assert Credentials(credentials_file=str(file)).connect_fields("nonce").keys() == {"jwt", "sig"}


def test_a_server_without_nkeys(tmp_path):
    """A server that sends no nonce cannot take an NKey; that is said, and not that it was refused."""
    (tmp_path / "seed").write_text(Key("user").seed)
    with pytest.raises(BusRefused, match="does not ask for an NKey"):
        Credentials(nkey_file=str(tmp_path / "seed")).connect_fields("")


@pytest.mark.parametrize("name", ["nkey_file", "credentials_file"])
@pytest.mark.parametrize(
    ("content", "problem"), [(None, "cannot be read"), ("x", "(is not the seed|does not hold)"), ("é", "is not ASCII")]
)
def test_files_that_cannot_be_used(tmp_path, name, content, problem):
    """A file that is missing or holds something else is told by its field, and by its name at the login."""
    file = tmp_path / "file"
    if content is not None:
        file.write_text(content, "utf-8")
    credentials = Credentials(**{name: str(file)})
    [(field, said)] = credentials.problems()
    assert field == name
    with pytest.raises(BusRefused, match=f"{file} cannot be used: the file {problem}") as caught:
        credentials.connect_fields("nonce")
    assert said in str(caught.value)


def test_secrets():
    """Secrets are not shown, and known to who masks them in logs."""
    credentials = Credentials("TheToken", "user", "ThePassword")
    assert set(credentials.secrets) == {"TheToken", "ThePassword"}
    assert not any(secret in f"{credentials!r} {credentials}" for secret in credentials.secrets)
