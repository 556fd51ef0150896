"""The secret store from the command line: `python -m services.gui.secrets set OPENAI --host api.openai.com`.

In the image it is `./secrets`. The value comes from the terminal, without an echo, or from standard input: a command
line is visible to other users of a machine. The appliance need not run.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from gecholog import health
from gecholog.keys.reading import time_text
from gecholog.secret_key import KEY_VARIABLES, SecretStoreError
from gecholog.secret_store import LARGEST, SecretStore


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, or 1 if it could not be done."""
    arguments = _parser().parse_args(argv)
    home = health.home()
    store = SecretStore(home, os.environ)
    try:
        _become_owner(home)
        sys.stdout.write(arguments.work(store, arguments))
    except (SecretStoreError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _become_owner(home: Path) -> None:
    """Let root's command work as the owner of the home folder: the services must be able to read what it writes.

    Raises OSError.
    """
    if os.geteuid() == 0 and home.is_dir() and (owner := home.stat()).st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="secrets",
        description="Secrets that config files name as ${secret:NAME}, encrypted in data/secrets.json below "
        f"GECHOLOG_HOME with the key in {KEY_VARIABLES[0]}, or a generated one.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("set", help="store a secret; services that use it take it over within seconds")
    one.add_argument("name", metavar="NAME")
    one.add_argument(
        "--host",
        metavar="HOST",
        action="append",
        required=True,
        help="where it may be sent to, such as api.openai.com or *.openai.azure.com; may be repeated",
    )
    one.set_defaults(work=_set)
    two = commands.add_parser("list", help="the names and hosts of all secrets")
    two.add_argument("--json", action="store_true", help="as JSON")
    two.set_defaults(work=_list)
    three = commands.add_parser("delete", help="delete a secret")
    three.add_argument("name", metavar="NAME")
    three.set_defaults(work=_delete)
    return parser


def _set(store: SecretStore, arguments: Namespace) -> str:
    before = store.put(arguments.name, _value(), tuple(arguments.host), f"the command, uid {os.getuid()}")
    return f"{'replaced' if before else 'stored'} {arguments.name}: write it as ${{secret:{arguments.name}}}\n"


def _value() -> str:
    """The secret, without the line break at its end."""
    if sys.stdin.isatty():
        return getpass.getpass("secret: ")
    return sys.stdin.read(LARGEST + 2).removesuffix("\n").removesuffix("\r")


def _list(store: SecretStore, arguments: Namespace) -> str:
    found = store.entries()
    if arguments.json:
        listed = [
            {"name": one.name, "hosts": list(one.hosts), "changed": time_text(one.changed), "by": one.changed_by}
            for one in found
        ]
        return json.dumps(listed, indent=2) + "\n"
    width = max([len(one.name) for one in found], default=0)
    lines = [
        f"{one.name:{width}}  {time.strftime('%Y-%m-%d %H:%M', time.localtime(one.changed))}  {', '.join(one.hosts)}\n"
        for one in found
    ]
    return "".join(lines) or "no secrets\n"


def _delete(store: SecretStore, arguments: Namespace) -> str:
    if store.delete(arguments.name) is None:
        raise SecretStoreError(f"there is no secret {arguments.name}")
    return f"deleted {arguments.name}\n"


if __name__ == "__main__":
    sys.exit(main())
