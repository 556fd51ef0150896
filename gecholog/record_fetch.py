"""Fetches a single record from the record log by its number, for people who look at one call."""

from __future__ import annotations

from nats.errors import Error
from nats.js.errors import NotFoundError

from gecholog.bus_address import BusAddress
from gecholog.errors import BusError
from gecholog.nats_login import connected

_ID = "Nats-Msg-Id"


async def record_at(address: BusAddress, stream: str, sequence: int, record_id: str) -> bytes | None:
    """The record with this number in the stream and this id; None if the stream does not have it any more.

    A stream that was made anew has another record under the number. Raises BusError.
    """
    try:
        async with connected(address, "record-fetch") as client:
            message = await client.jetstream().get_msg(stream, sequence)
    except NotFoundError:
        return None
    except Error as error:
        raise BusError(f"the record log cannot be read: {error}") from error
    return message.data if (message.headers or {}).get(_ID) == record_id else None
