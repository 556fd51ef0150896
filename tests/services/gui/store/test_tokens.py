"""Whom API tokens belong to, also after names were used again, and in a file of an earlier version."""

import sqlite3

import pytest

from services.gui.roles import Role
from services.gui.store import database, tokens, users
from services.gui.store.database import Database
from services.gui.store.tokens import ApiToken
from services.gui.store.users import User

ROOT = User("admin", Role.ADMIN)


def add(connection, name, maker):
    token = ApiToken(tokens.new_id(), name, Role.ADMIN, "someone", 0, 1e12, maker=maker)
    return tokens.add(connection, token), token.id


@pytest.fixture
def store(tmp_path):
    file = Database(tmp_path / "gui.db")
    file.open_here()
    file.run_here(lambda connection: users.add(connection, ROOT))
    yield file
    file.close_here()


def test_a_new_user_of_the_same_name_has_none_of_the_old_ones(store):
    def do(connection):
        users.add(connection, old := User("ann", Role.ADMIN))
        text, _ = add(connection, "ci", tokens.of_user(old.id))
        users.delete(connection, "ann")
        users.add(connection, new := User("ann", Role.ADMIN))
        assert old.id != new.id
        assert tokens.delete_of(connection, tokens.of_user(new.id)) == []
        assert not tokens.may_make(connection, tokens.of_user(old.id))
        assert tokens.may_make(connection, tokens.of_user(new.id))
        assert [one.name for one in tokens.delete_of(connection, tokens.of_user(old.id))] == ["ci"]
        assert tokens.find(connection, text, 1) is None

    store.run_here(do)


def test_tokens_of_the_same_name_are_apart(store):
    """A token goes with what was made with it, and leaves what another token of its name has made."""

    def do(connection):
        root = tokens.of_user(users.find(connection, "admin").id)
        (_, one), (_, two) = (add(connection, "ci", root) for _ in range(2))
        first, _ = add(connection, "first", tokens.of_token(one))
        second, _ = add(connection, "second", tokens.of_token(two))
        assert [token.name for token in tokens.delete(connection, one)] == ["ci", "first"]
        assert tokens.delete(connection, one) == []
        assert tokens.find(connection, first, 1) is None
        assert tokens.find(connection, second, 1).name == "second"

    store.run_here(do)


def test_who_may_make_none_any_more(store):
    def do(connection):
        users.add(connection, ann := User("ann", Role.ADMIN))
        users.change(connection, "ann", role=Role.EDITOR)
        assert not any(
            tokens.may_make(connection, maker) for maker in (tokens.of_user(ann.id), "", "token none", "x y")
        )

    store.run_here(do)


def test_a_file_of_the_version_before(tmp_path):
    """Tokens get the ids of their makers; those whose maker is gone, or not certain, are revoked."""
    connection = sqlite3.connect(tmp_path / "gui.db")
    connection.executescript(f"BEGIN; {database._MIGRATIONS[0]} PRAGMA user_version = 1; COMMIT;")
    user = "INSERT INTO users VALUES (?, 'admin', '', 0, 0, 0, 0, 0, 0)"
    connection.executemany(user, [("admin",), ("ann",)])
    made = [
        ("1", "ci", "ann"),
        ("2", "by ci", "token ci"),
        ("3", "orphan", "bob"),
        ("4", "two", "ann"),
        ("5", "two", "ann"),
    ]
    made.append(("6", "by two", "token two"))
    for name, title, by in made:
        row = (name, name.encode(), title, by)
        connection.execute("INSERT INTO tokens VALUES (?, ?, ?, 'admin', ?, 0, 1e12, 0)", row)
    connection.commit()
    connection.close()
    store = Database(tmp_path / "gui.db")
    store.open_here()

    def do(connection):
        assert sorted(one.id for one in tokens.all_tokens(connection)) == ["1", "2", "4", "5"]
        ann = users.delete(connection, "ann")
        assert sorted(one.id for one in tokens.delete_of(connection, tokens.of_user(ann.id))) == ["1", "2", "4", "5"]

    store.run_here(do)
    store.close_here()
