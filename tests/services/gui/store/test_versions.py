"""The file of the store, by older and newer programs."""

import sqlite3

import pytest

from services.gui.store.database import Database, StoreError


def opened(file):
    database = Database(file)
    database.open_here()
    return database


def test_a_file_of_a_newer_program_is_refused_and_not_changed(tmp_path):
    file = tmp_path / "gui.db"
    opened(file).close_here()
    with sqlite3.connect(file) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {version + 1}")
    connection.close()
    with pytest.raises(StoreError, match=r"gui\.db was written by a newer version of gecholog: .*copy"):
        opened(file)
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA user_version").fetchone() == (version + 1,)
    connection.close()


def test_a_file_of_an_older_program_is_brought_up(tmp_path):
    file = tmp_path / "gui.db"
    opened(file).close_here()
    with sqlite3.connect(file) as connection:
        connection.executescript(
            "DROP INDEX users_by_id; DROP INDEX tokens_by_maker; ALTER TABLE users DROP COLUMN id;"
            "ALTER TABLE tokens DROP COLUMN maker; INSERT INTO users VALUES ('vera', 'viewer', '', 0, 0, 0, 0, 1, 1);"
            "PRAGMA user_version = 1"
        )
    connection.close()
    database = opened(file)
    ids = database.run_here(lambda connection: [row["id"] for row in connection.execute("SELECT id FROM users")])
    database.close_here()
    assert len(ids) == 1
    assert ids[0]
