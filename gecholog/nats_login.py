"""Connects nats-py to the bus that a config names, where speed does not count: commands, the web interface."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from nats.aio.client import Client
from nats.errors import Error, NoServersError

from gecholog.bus_address import BusAddress
from gecholog.errors import BusAway, BusRefused, LoginRefused
from gecholog.tls import bus_context, failure

_WITHIN_S = 5.0
_REFUSED = ("authorization", "authentication")


@contextlib.asynccontextmanager
async def connected(address: BusAddress, name: str) -> AsyncIterator[Client]:
    """A client that is connected while the block runs. Raises LoginRefused, BusRefused, BusAway."""
    client = await _connect(address, name, {})
    try:
        yield client
    finally:
        await client.close()


async def connect(address: BusAddress, name: str, **options: Any) -> Client:
    """A connected client, which the caller closes. `options` are nats-py's, in place of those for a short use.

    Raises LoginRefused, BusRefused, BusAway.
    """
    return await _connect(address, name, options)


async def _connect(address: BusAddress, name: str, more: dict[str, Any]) -> Client:
    refused = False
    for login in _logins(address):
        client, reasons = Client(), list[str]()
        try:
            async with asyncio.timeout(_WITHIN_S):
                await client.connect(**login, **(_options(address, name, reasons) | more))
        except (Error, OSError, TimeoutError) as error:
            await client.close()
            reasons.append(str(error))
            if not isinstance(error, NoServersError | TimeoutError | Error | ConnectionError):
                raise BusRefused(f"the bus cannot be used: {failure(error)}") from error
            refused = refused or any(word in reason.lower() for reason in reasons for word in _REFUSED)
        else:
            return client
    if refused:
        raise LoginRefused(f"the bus does not accept {address.credentials}")
    raise BusAway(f"the bus at {address.hostname} is not reached")


def _options(address: BusAddress, name: str, reasons: list[str]) -> dict[str, Any]:
    async def note(error: Exception) -> None:
        reasons.append(str(error))

    wants_tls = address.tls is not None or any(server.tls for server in address.servers)
    scheme = "tls" if wants_tls else "nats"
    options: dict[str, Any] = {
        "servers": [f"{scheme}://{server}" for server in address.servers],
        "name": name,
        "allow_reconnect": False,
        "max_reconnect_attempts": 1,
        "reconnect_time_wait": 0,
        "error_cb": note,
    }
    try:
        return options | ({"tls": bus_context(address.tls)} if address.tls is not None else {})
    except OSError as error:
        raise BusRefused(f"the certificates for the bus cannot be used: {failure(error)}") from error


def _logins(address: BusAddress) -> Iterator[dict[str, Any]]:
    """The credentials in each form that the server may ask for: a token, or the user whose password it is."""
    credentials = address.credentials
    if credentials.credentials_file:
        yield {"user_credentials": credentials.credentials_file}
        return
    if credentials.nkey_file:
        yield {"nkeys_seed": credentials.nkey_file}
        return
    if credentials.token and not credentials.password:  # then it is the password of the user as well
        yield {"token": credentials.token}
    fields = credentials.connect_fields("")
    if "user" in fields:
        yield {"user": fields["user"], "password": fields["pass"]}
    elif not credentials.token:
        yield {}
