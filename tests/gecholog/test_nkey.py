"""NKeys, against those of the tests' own maker; that a server takes both is in test_login.py."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from gecholog.nkey import NKey, UserCredentials
from tests.support.nats_keys import Key, Operator

# published with nats-server's own tests (server/nkey_test.go): a user's seed and its public key
SEED = "SUAKYRHVIOREXV7EUZTBHUHL7NUMHPMAS7QMDU3GTIUWEI5LDNOXD43IZY"


def test_seed():
    """A seed gives the public key that its owner told the server."""
    key = Key("user")
    assert NKey.parse(key.seed).public == key.public
    assert NKey.parse(f"{key.seed}\n").public == key.public
    assert NKey.parse(SEED).public.startswith("U")


@given(st.text("abc123-_", min_size=1))
def test_signature(nonce):
    """What is signed is verified by the public key."""
    key = NKey.parse(SEED)
    signature = base64.urlsafe_b64decode(key.sign(nonce) + "==")
    raw = base64.b32decode(key.public)[1:-2]
    Ed25519PublicKey.from_public_bytes(raw).verify(signature, nonce.encode())


@given(st.text(max_size=60))
def test_anything_else(text):
    """Anything else is a ValueError that does not repeat it."""
    with pytest.raises(ValueError, match=r"^is not the seed of an NKey$"):
        NKey.parse(text)


def test_other_kinds():
    """The seed of an account or an operator does not log in; neither does one with a wrong letter."""
    for kind in ("account", "operator"):
        with pytest.raises(ValueError, match="of a user"):
            NKey.parse(Key(kind).seed)
    wrong = SEED[:20] + ("A" if SEED[20] != "A" else "B") + SEED[21:]
    with pytest.raises(ValueError, match="is not the seed"):
        NKey.parse(wrong)


def test_the_seed_is_not_shown():
    assert "seed" not in repr(NKey.parse(SEED))


def test_credentials_file(tmp_path):
    """JWT and seed are found, with either kind of line ends."""
    text = Operator().write_credentials(tmp_path / "user.creds").read_text()
    credentials = UserCredentials.parse(text)
    assert credentials.jwt.count(".") == 2
    assert UserCredentials.parse(text.replace("\n", "\r\n")) == credentials
    assert credentials.jwt not in repr(credentials)


@pytest.mark.parametrize(
    "text", ["", "x", "-----BEGIN NATS USER JWT-----\na.b.c\n------END NATS USER JWT------\n", SEED]
)
def test_no_credentials_file(text):
    with pytest.raises(ValueError, match="does not hold the JWT"):
        UserCredentials.parse(text)
