"""Log lines."""

import io
import json
import logging

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import logs
from gecholog.headers import MASK
from gecholog.logs import Log

TEXTS = st.text(st.characters())  # surrogates among them


class Lines:
    """What was logged since `setup`."""

    def __init__(self, level="DEBUG"):
        self.stream = io.StringIO()
        logs.setup("svc", level, self.stream)

    @property
    def text(self):
        return self.stream.getvalue()

    @property
    def entries(self):
        return [json.loads(line) for line in self.text.splitlines()]


def test_a_line():
    """Time, level, message, service, then the fields, in this order, on one line of JSON."""
    lines = Lines()
    Log("x").info("config in force", sha256="abc", number=2)
    assert lines.text.endswith(
        "Z" + '","level":"INFO","msg":"config in force","service":"svc","sha256":"abc","number":2}\n'
    )
    assert lines.text.startswith('{"time":"2')


@pytest.mark.parametrize(("level", "said"), [("DEBUG", 4), ("INFO", 3), ("WARN", 2), ("ERROR", 1)])
def test_levels(level, said):
    """What is less important than the level is not logged."""
    lines = Lines(level)
    log = Log("x")
    log.debug("d")
    log.info("i")
    log.warning("w")
    log.error("e")
    assert [entry["level"] for entry in lines.entries] == ["DEBUG", "INFO", "WARN", "ERROR"][-said:]


def test_transaction():
    """The transaction id comes from the context."""
    lines = Lines()
    token = logs.transaction.set("T_1_1_0")
    Log("x").info("a")
    logs.transaction.reset(token)
    Log("x").info("b")
    assert [entry.get("transaction_id") for entry in lines.entries] == ["T_1_1_0", None]


def test_libraries():
    """What libraries say comes out in the same form, from warnings on."""
    lines = Lines()
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").critical("at %s:\n%d", "once", 2)
    [entry] = lines.entries
    assert (entry["level"], entry["msg"]) == ("ERROR", "at once:\n2")


def test_fault():
    """An unexpected error is logged with its traceback, on one line, its cause included."""
    lines = Lines()

    def fail():
        try:
            {}["inner"]
        except KeyError as error:
            raise RuntimeError("outer") from error

    with pytest.raises(RuntimeError) as raised:
        fail()
    Log("x").fault("broken", raised.value, part="p")
    [entry] = lines.entries
    assert entry["part"] == "p"
    assert "KeyError: 'inner'" in entry["traceback"]
    assert "RuntimeError: outer" in entry["traceback"]


@given(TEXTS, TEXTS, st.integers())
def test_any_value(message, value, number):
    """Whatever is logged comes out as one line of JSON, level and service as always."""
    lines = Lines()
    Log("x").warning(message, value=value, number=number, other={1: object}, error=OSError(value))
    [line] = lines.text.split("\n")[:-1]
    entry = json.loads(line)
    assert (entry["level"], entry["service"]) == ("WARN", "svc")
    if message.isprintable():
        assert entry["msg"] == message


def ways(secret):
    """How a secret gets into a log line without anybody meaning it to."""
    yield secret
    yield f"before{secret}after"
    yield repr(secret)
    yield repr({"key": [secret]})
    yield json.dumps({"key": secret})
    yield json.dumps({"key": secret}, ensure_ascii=False)
    yield ValueError(f"invalid: {secret!r}")
    yield {"key": [secret], secret: 1}


SECRETS = [
    "S3cret",
    'quo"te',
    "back\\slash",
    "it's",
    "größe",
    "new\nline",
    "a b&c=d/e?",
    "😀emoji",
    "all\"\\'\n\té",
    "\udcffbytes",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_masked(secret):
    """A protected text is masked in every form that it takes in a line: escaped, quoted, in a traceback."""
    lines = Lines()
    logs.protect([secret])
    for way in ways(secret):
        Log("x").info("said", value=way)
    Log("x").info(f"in the message {secret}")
    Log("x").fault("broken", ValueError(f"bad {secret!r} {secret}"))
    for line in lines.text.splitlines():
        json.loads(line)
        assert MASK in line
    for form in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], ascii(secret)[1:-1]):
        assert form not in lines.text
        assert json.dumps(form)[1:-1] not in lines.text
        assert json.dumps(form, ensure_ascii=False)[1:-1] not in lines.text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=12), min_size=1, max_size=4))
def test_any_secrets(secrets):
    """Of several secrets none is left over, also if one begins with another. The line stays JSON."""
    lines = Lines()
    logs.protect(secrets)
    for secret in secrets:
        Log("x").info("said", value=[secret, secret + secret, f"<{secret}>"])
    for entry, secret in zip(lines.text.splitlines(), secrets, strict=True):
        assert (
            orjson.dumps(secret).decode()[1:-1] not in entry.replace(MASK, "\0")
            or secret in '{"time":"level":"msg":"service":"svc"'
        )


def test_the_longest_secret_first():
    """Nothing of a long secret is left when a shorter one is its beginning."""
    lines = Lines()
    logs.protect(["abcd", "abcdefgh", "efgh"])
    Log("x").info("m", value="abcdefgh", other="abcd")
    assert (lines.entries[0]["value"], lines.entries[0]["other"]) == (MASK, MASK)


def test_protect_again():
    """Old secrets stay masked when new ones come; short ones are passed over; none at all is possible."""
    lines = Lines()
    logs.protect([])
    Log("x").info("m", value="first secret")
    logs.protect(["first secret"])
    logs.protect(["abc", "second secret", ""])
    logs.protect([])
    Log("x").info("m", value="first secret abc second secret")
    assert [entry["value"] for entry in lines.entries] == ["first secret", f"{MASK} abc {MASK}"]


def test_protect_for_ever(monkeypatch):
    """Of all that were ever named the latest are masked, and those of the last config all together, however many."""
    monkeypatch.setattr(logs, "_MOST_EARLIER", 8)
    lines = Lines()
    for number in range(50):
        logs.protect([f"secret-{number:02}"])
    Log("x").info("m", value="secret-00 secret-49")
    logs.protect([f"more-{number:02}" for number in range(50)])
    Log("x").info("m", value="more-00 more-49 secret-49")
    assert [entry["value"] for entry in lines.entries] == [f"secret-00 {MASK}", f"{MASK} {MASK} {MASK}"]


def test_a_stream_that_fails():
    """A log that cannot be written does not disturb who logs."""

    class Full(io.StringIO):
        def write(self, text):
            raise OSError("disk full")

    logs.setup("svc", "INFO", Full())
    Log("x").info("m")


def test_setup_again():
    """There is one handler, however often it is set up."""
    lines = [Lines(), Lines()]
    Log("x").info("m")
    assert [len(each.entries) for each in lines] == [0, 1]
