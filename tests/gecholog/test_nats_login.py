"""Commands log in to a bus in the form that it asks for."""

from gecholog.bus_address import BusAddress
from gecholog.nats_login import connected


async def test_a_user_is_named_for_a_bus_that_asks_for_the_token_alone(nats_server):
    """The shipped config names `appliance`, for a bus that has users."""
    section = {"hostname": nats_server.hostname, "token": nats_server.token, "user": "appliance"}
    async with connected(BusAddress.of_section(section), "test") as client:
        assert client.is_connected
