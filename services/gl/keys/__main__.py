"""Client keys from the command line: `python -m services.gl.keys create --name ci`, in the image `./keys`."""

from __future__ import annotations

import asyncio
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gecholog import gateway_bus, health, key_store, logs, regular_file
from gecholog.errors import ConfigError, GechologError
from gecholog.key_store import Contents, KeyStore
from gecholog.keys import KeyEntry, OwnerEntry, bucket_key
from gecholog.keys.credential import digest, new_key
from gecholog.keys.reading import as_json
from gecholog.keys.state import state_of
from services.gl.keys import arguments as command_line
from services.gl.keys import entries, output


class CommandError(GechologError):
    """The command cannot be done as it was given."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, or 1 if it could not be done."""
    arguments = command_line.parser().parse_args(argv)
    logs.setup("keys", stream=sys.stderr)
    try:
        sys.stdout.write(asyncio.run(_run(arguments)))
    except ConfigError as error:
        sys.stderr.write(f"error: {error}\n")
    except (GechologError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
    else:
        logs.finish()
        return 0
    return 1


async def _run(arguments: Namespace) -> str:
    where = gateway_bus.of_config(arguments.o, health.home())
    async with key_store.opened(where.address, where.storage) as store:
        if arguments.command == "owner":
            return await _owner(store, arguments)
        if arguments.command == "import":
            return await _import(store, arguments, where.storage.bucket(key_store.BUCKET))
        return await _COMMANDS[arguments.command](store, arguments)


def _printed(entry: KeyEntry | OwnerEntry, arguments: Namespace, secret: str = "") -> str:
    if arguments.json:
        return output.json_text(({"secret": secret} if secret else {}) | output.shown(entry))
    return output.details(entry, secret)


# ------------------------------------------------------------------ keys


async def _create(store: KeyStore, arguments: Namespace) -> str:
    key = new_key()
    entry = entries.changed(KeyEntry(key.id, digest(key.text), created=float(int(time.time()))), arguments)
    await store.create(entry)
    return _printed(entry, arguments, key.text)


async def _list(store: KeyStore, arguments: Namespace) -> str:
    contents = await store.read()
    for key, reason in contents.invalid.items():
        sys.stderr.write(f"warning: entry {key} is invalid: {reason}\n")
    if arguments.json:
        return output.json_text([output.shown(key) for key in contents.keys.values()])
    return output.keys_table(contents.keys.values(), time.time())


async def _show(store: KeyStore, arguments: Namespace) -> str:
    return _printed(_one(await store.read(), arguments.key), arguments)


async def _set(store: KeyStore, arguments: Namespace) -> str:
    return _printed(await _replace(store, arguments, lambda entry: entries.changed(entry, arguments)), arguments)


async def _rotate(store: KeyStore, arguments: Namespace) -> str:
    entry = _one(await store.read(), arguments.key)
    key = new_key(entry.id)
    until = float(int(time.time()) + arguments.grace)
    changed = await _replace(store, arguments, lambda one: key_store.rotated(one, key.text, until))
    return _printed(changed, arguments, key.text)


async def _disable(store: KeyStore, arguments: Namespace) -> str:
    return _printed(await _replace(store, arguments, lambda entry: replace(entry, disabled=True)), arguments)


async def _enable(store: KeyStore, arguments: Namespace) -> str:
    return _printed(await _replace(store, arguments, lambda entry: replace(entry, disabled=False)), arguments)


async def _delete(store: KeyStore, arguments: Namespace) -> str:
    contents = await store.read()
    found = contents.named(arguments.key)
    # a key that the bucket has lost is still in force in the mirrors of gateways
    key_id = _one(contents, arguments.key).id if found else arguments.key
    await store.delete(bucket_key.of_key(key_id))
    if arguments.json:
        return output.json_text({"deleted": key_id})
    return f"deleted {key_id}\n" if found else f"the bucket has no key {key_id}: deleted in case a mirror has it\n"


async def _export(store: KeyStore, _: Namespace) -> str:
    contents = await store.read()
    return output.json_text(
        {
            "keys": [as_json(key) for key in contents.keys.values()],
            "owners": [as_json(owner) for owner in contents.owners.values()],
        }
    )


async def _replace(store: KeyStore, arguments: Namespace, change: Any) -> KeyEntry:
    contents = await store.read()
    entry: KeyEntry = change(_one(contents, arguments.key))
    await store.update(entry, contents.revisions[bucket_key.of_key(entry.id)])
    return entry


def _one(contents: Contents, text: str) -> KeyEntry:
    """The one key with this id or name. Raises CommandError."""
    found = contents.named(text)
    if not found:
        raise CommandError(f"there is no key {text}")
    if len(found) > 1:
        raise CommandError(f"several keys have this name, give the id: {', '.join(key.id for key in found)}")
    return found[0]


# ------------------------------------------------------------------ import


async def _import(store: KeyStore, arguments: Namespace, bucket: str) -> str:
    found = _mirrored(bucket) if arguments.from_mirror else _in_file(arguments)
    if arguments.overwrite:
        for entry in found:
            await store.put(entry)
        added = len(found)
    else:
        added = len(await store.restore(found))
    if arguments.json:
        return output.json_text({"imported": added, "skipped": len(found) - added})
    skipped = f", {len(found) - added} skipped: the bucket has them, or they were deleted" if added < len(found) else ""
    return f"imported {added}{skipped}\n"


def _in_file(arguments: Namespace) -> list[KeyEntry | OwnerEntry]:
    return entries.imported(regular_file.read_bytes(arguments.file), time.time())


def _mirrored(bucket: str) -> list[KeyEntry | OwnerEntry]:
    """The entries of the mirrors in this home, the newest first."""
    folder = health.home() / "keys"
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    if not files:
        raise CommandError(f"there is no mirror in {folder}")
    found: dict[str, KeyEntry | OwnerEntry] = {}
    deleted: set[str] = set()
    for file in files:
        snapshot = state_of(regular_file.read_bytes(file), bucket).snapshot()
        deleted |= snapshot.deleted
        for key in snapshot.keys.values():
            found.setdefault(key.id, key)
        for owner in snapshot.owners.values():
            found.setdefault(bucket_key.of_owner(owner.name), owner)
    return [entry for name, entry in found.items() if name not in deleted]


# ------------------------------------------------------------------ owners


async def _owner(store: KeyStore, arguments: Namespace) -> str:
    contents = await store.read()
    if arguments.owner_command == "list":
        if arguments.json:
            return output.json_text([output.shown(owner) for owner in contents.owners.values()])
        return output.owners_table(contents.owners.values())
    name = bucket_key.of_owner(arguments.name)
    if arguments.owner_command == "delete":
        await store.delete(name)
        return output.json_text({"deleted": arguments.name}) if arguments.json else f"deleted {arguments.name}\n"
    present = contents.owners.get(arguments.name)
    entry = entries.changed(present or OwnerEntry(arguments.name, created=float(int(time.time()))), arguments)
    if present is None:
        await store.create(entry)
    else:
        await store.update(entry, contents.revisions[name])
    return _printed(entry, arguments)


_COMMANDS = {
    "create": _create,
    "list": _list,
    "show": _show,
    "set": _set,
    "rotate": _rotate,
    "disable": _disable,
    "enable": _enable,
    "delete": _delete,
    "export": _export,
}

if __name__ == "__main__":
    sys.exit(main())
