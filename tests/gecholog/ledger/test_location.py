from pathlib import Path

import pytest

from gecholog.ledger import location
from gecholog.ledger.errors import LedgerError
from gecholog.ledger.location import from_environment, locate, why_unfit

MOUNTS = """overlay / overlay rw 0 0
/dev/sda1 /data ext4 rw 0 0
server:/export /data/shared nfs4 rw 0 0
//nas/x /mnt/my\\040files cifs rw 0 0
tmpfs /data/shared/fast tmpfs rw 0 0
"""


def test_no_address_is_the_file_in_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("GECHOLOG_HOME", str(tmp_path))
    monkeypatch.delenv(location.VARIABLE, raising=False)
    assert from_environment().file == tmp_path / "data" / "ledger.db"


def test_a_sqlite_file():
    assert locate("sqlite:///var/lib/ledger.db").file == Path("/var/lib/ledger.db")
    assert locate("sqlite:////var/lib/ledger.db").file == Path("/var/lib/ledger.db")


def test_postgresql_is_shown_without_its_login():
    found = locate("postgresql://ledger:s%2Fecret@db.example.com:5433/gecholog?sslmode=require")
    assert found.file is None
    assert found.shown == "postgresql://db.example.com:5433/gecholog"
    assert {"s%2Fecret", "s/ecret"} <= set(found.secrets)
    assert "ecret" not in repr(found)


@pytest.mark.parametrize(
    "url", ["mysql://a/b", "postgresql://", "postgresql://host", "postgresql:///x", "sqlite://host/x", "nowhere"]
)
def test_other_addresses_are_refused_without_quoting_them(url):
    with pytest.raises(LedgerError, match="must be postgresql://") as error:
        locate(url)
    assert "sqlite://host" not in str(error.value)
    assert "mysql" not in str(error.value)


def test_a_wrong_variable_is_named(monkeypatch):
    monkeypatch.setenv(location.VARIABLE, "mysql://a/b")
    with pytest.raises(LedgerError, match="LEDGER_URL must be"):
        from_environment()


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("/data/ledger.db", ""),
        ("/data/shared/ledger.db", "nfs4"),
        ("/data/shared/fast/ledger.db", ""),
        ("/mnt/my files/a/ledger.db", "cifs"),
        ("/database/ledger.db", ""),
    ],
)
def test_network_file_systems_are_refused_with_the_reason(file, kind):
    reason = why_unfit(Path(file), MOUNTS)
    assert bool(reason) is bool(kind)
    assert kind in reason
    assert not kind or "PostgreSQL" in reason
