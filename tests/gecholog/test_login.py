"""Logging in to real nats-servers: TLS, client certificates, tokens, users, NKeys, credentials files."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from gecholog import logs
from gecholog.bus import Bus, BusAddress
from gecholog.credentials import Credentials
from gecholog.errors import BusAway, BusRefused, LoginRefused, NotPermitted
from gecholog.logs import Log
from gecholog.server_address import ServerAddress
from gecholog.tls import BusTls, OutboundTls
from tests.support import ports
from tests.support.nats_keys import Key, Operator
from tests.support.nats_server import TOKEN, NatsServer
from tests.support.waiting import DEADLINE, eventually


@pytest.fixture
def start_server(tmp_path):
    """Starts a nats-server with these settings; without `authorization` among them it asks for the token."""
    started = []

    def start(**settings):
        monitored = settings | {"http": f"127.0.0.1:{ports.free_port()}"}
        server = NatsServer(tmp_path / f"nats{len(started)}", jetstream=False, settings=monitored, token=TOKEN)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


def tls_of(files, **more):
    """The `tls` block of a server."""
    return {"cert_file": str(files.certificate), "key_file": str(files.private_key)} | more


def believing(*authorities, **more):
    return BusTls(OutboundTls(False, not authorities, tuple(map(str, authorities))), **more)


def address_of(server, credentials=None, tls=None, host="127.0.0.1", scheme="nats"):
    found = ServerAddress.parse(f"{scheme}://{host}:{server.port}")
    return BusAddress((found,), credentials or Credentials(TOKEN), tls)


@asynccontextmanager
async def reached(address):
    """A bus that is connected."""
    bus = Bus(address, "test", Log("test"))
    running = asyncio.create_task(bus.run())
    try:
        async with asyncio.timeout(DEADLINE):
            await asyncio.wait(
                {running, opened := asyncio.create_task(bus.opened())}, return_when=asyncio.FIRST_COMPLETED
            )
        opened.cancel()
        if running.done():
            running.result()
        yield bus
    finally:
        await bus.close()
        await asyncio.gather(running, return_exceptions=True)


async def works(address):
    """Whether requests are answered there."""
    async with reached(address) as bus:

        async def echo(message):
            await message.answer(message.data)

        await bus.subscribe("echo", echo)
        data = bytes(200_000)
        return await bus.request("echo", data, 10) == data


async def refused(server, address, error=BusRefused):
    """What is said when the bus cannot be used. The first attempt has to tell it: nothing is waited for."""
    before = await asyncio.to_thread(server.connection_total)
    with pytest.raises(error) as caught:
        await Bus(address, "test", Log("test")).run()
    assert await asyncio.to_thread(server.connection_total) - before <= 1
    return str(caught.value)


# ----------------------------------------------------------------------------------------------------------------- TLS


async def test_tls(start_server, tls_files):
    """A server that asks for TLS gets it, from a client that is told so by config, by address, or by the server."""
    server = start_server(tls=tls_of(tls_files))
    for address in (
        address_of(server, tls=believing(tls_files.authority)),
        address_of(server, tls=believing(tls_files.authority), host="localhost", scheme="tls"),
        address_of(server, tls=BusTls(OutboundTls(insecure=True))),
    ):
        assert await works(address)


async def test_tls_on_uvloop(start_server, tls_files):
    """Services run on uvloop, whose TLS is another."""
    import uvloop  # noqa: PLC0415

    server = start_server(tls=tls_of(tls_files))
    address = address_of(server, tls=believing(tls_files.authority))

    def run():
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            wrong = address_of(server, tls=believing(tls_files.stranger))
            return runner.run(works(address)), runner.run(refused(server, wrong))

    is_working, said = await asyncio.to_thread(run)
    assert is_working
    assert "not trusted" in said


async def test_tls_first(start_server, tls_files):
    """A server that says nothing before TLS."""
    server = start_server(tls=tls_of(tls_files, handshake_first=True))
    assert await works(address_of(server, tls=believing(tls_files.authority, handshake_first=True)))


async def test_tls_that_is_optional(start_server, tls_files):
    """A server that allows both: the config decides."""
    server = start_server(tls=tls_of(tls_files), allow_non_tls=True)
    assert await works(address_of(server))
    assert await works(address_of(server, tls=believing(tls_files.authority)))


async def test_tls_that_is_not_offered(start_server):
    """Where the config asks for TLS nothing is sent without it."""
    server = start_server()
    said = await refused(server, address_of(server, tls=believing()))
    assert "does not offer TLS" in said
    said = await refused(server, address_of(server, scheme="tls"))
    assert "does not offer TLS" in said
    assert "authentication" not in server.log


async def test_certificates_that_are_not_trusted(start_server, tls_files):
    """Another authority, another name: told within a second, with the reason, and the token is not sent."""
    server = start_server(tls=tls_of(tls_files))
    strange = [
        address_of(server, tls=believing(tls_files.stranger)),
        address_of(server, tls=believing(tls_files.authority, server_name="other.test")),
        address_of(server),  # the system's authorities do not know it
    ]
    for address in strange:
        said = await refused(server, address)
        assert "is not trusted" in said
        assert "service_bus.tls" in said
    assert "mismatch" in await refused(server, strange[1])
    assert await works(address_of(server, tls=believing(tls_files.authority, server_name="target.test")))


async def test_client_certificates(start_server, tls_files):
    """A server that asks for a certificate takes one of its authority, and no other."""
    server = start_server(tls=tls_of(tls_files, ca_file=str(tls_files.authority), verify=True))
    own = {"certificate_file": str(tls_files.certificate), "private_key_file": str(tls_files.private_key)}
    assert await works(address_of(server, tls=believing(tls_files.authority, **own)))
    said = await refused(server, address_of(server, tls=believing(tls_files.authority)))
    assert "certificate" in said
    strange = start_server(tls=tls_of(tls_files, ca_file=str(tls_files.stranger), verify=True))
    said = await refused(strange, address_of(strange, tls=believing(tls_files.authority, **own)))
    assert "does not accept the client certificate" in said


async def test_a_refused_certificate_is_always_told(start_server, tls_files):
    """In TLS 1.3 the server refuses when the client is through with the handshake; the reason is told nevertheless."""
    server = start_server(tls=tls_of(tls_files, ca_file=str(tls_files.authority), verify=True))
    for _ in range(30):
        said = await refused(server, address_of(server, tls=believing(tls_files.authority)))
        assert "does not accept the client certificate" in said


async def test_certificate_as_login(start_server, tls_files):
    """A certificate may be all that a client has (verify_and_map)."""
    tls = tls_of(tls_files, ca_file=str(tls_files.authority), verify_and_map=True)
    server = start_server(tls=tls, authorization={"users": [{"user": "target.test"}]})
    own = {"certificate_file": str(tls_files.certificate), "private_key_file": str(tls_files.private_key)}
    assert await works(address_of(server, Credentials(), believing(tls_files.authority, **own)))


async def test_files_that_vanish(start_server, tls_files, tmp_path):
    """Files are read at each connection: a new certificate counts, and one that is away for a moment ends nothing."""
    server = start_server(tls=tls_of(tls_files))
    authority = tmp_path / "authority.pem"
    authority.write_bytes(tls_files.authority.read_bytes())
    async with reached(address_of(server, tls=believing(authority))) as bus:
        authority.unlink()
        server.kill()
        await eventually(lambda: not bus.connected)
        await asyncio.to_thread(server.start)
        await asyncio.sleep(0.3)
        assert not bus.connected
        authority.write_bytes(tls_files.authority.read_bytes())
        await eventually(lambda: bus.connected, "the bus")


# --------------------------------------------------------------------------------------------------------- credentials


USERS = {
    "users": [
        {"user": "appliance", "password": TOKEN},
        {
            "user": "processor",
            "password": "ProcessorPassword",
            "permissions": {"publish": {"deny": "$JS.>"}, "subscribe": {"deny": "coburn.gl.logger"}},
        },
    ]
}


async def test_user_and_password(start_server):
    """A user with a password, and one whose password is the token."""
    server = start_server(authorization=USERS)
    assert await works(address_of(server, Credentials("", "appliance", TOKEN)))
    assert await works(address_of(server, Credentials(TOKEN, "appliance")))
    assert await works(address_of(server, Credentials(TOKEN)))
    for credentials in (
        Credentials("", "appliance", "WrongPassword"),
        Credentials("", "nobody", TOKEN),
        Credentials("AnotherToken"),
    ):
        said = await refused(server, address_of(server, credentials), LoginRefused)
        assert "refuses" in said
        assert "WrongPassword" not in said
    assert "user nobody" in await refused(server, address_of(server, Credentials("", "nobody", "x")))


async def test_a_user_where_a_token_is_asked_for(start_server):
    """The same config serves before and after a server changes from a token to users."""
    server = start_server()
    async with reached(address_of(server, Credentials(TOKEN, "appliance"))) as bus:
        server.kill()
        server.settings["authorization"] = USERS
        await eventually(lambda: not bus.connected)
        await asyncio.to_thread(server.start)
        await eventually(lambda: bus.connected, "the bus")


async def test_nkey(start_server, tmp_path):
    """An NKey signs the server's nonce; another key is refused, and so is one where there are none."""
    key = Key("user")
    server = start_server(authorization={"users": [{"nkey": key.public}]})
    seed, other = tmp_path / "seed", tmp_path / "other"
    seed.write_text(key.seed)
    other.write_text(Key("user").seed)
    assert await works(address_of(server, Credentials(nkey_file=str(seed))))
    said = await refused(server, address_of(server, Credentials(nkey_file=str(other))), LoginRefused)
    assert str(other) in said
    plain = start_server()
    assert "does not ask" in await refused(plain, address_of(plain, Credentials(nkey_file=str(seed))))


async def test_credentials_file(start_server, tmp_path):
    """A credentials file as nsc writes it; one of another operator, or one that has expired, is refused."""
    operator = Operator()
    server = start_server(authorization={}, **operator.settings)
    good = operator.write_credentials(tmp_path / "good.creds")
    assert await works(address_of(server, Credentials(credentials_file=str(good))))
    strange = Operator().write_credentials(tmp_path / "strange.creds")
    expired = operator.write_credentials(tmp_path / "expired.creds", expires=int(time.time()) - 10)
    for file in (strange, expired):
        said = await refused(server, address_of(server, Credentials(credentials_file=str(file))), LoginRefused)
        assert str(file) in said


async def test_credentials_that_expire(start_server, tmp_path):
    """A user whose time is over comes back as soon as the file has another one."""
    operator = Operator()
    server = start_server(authorization={}, **operator.settings)
    file = operator.write_credentials(tmp_path / "user.creds", expires=int(time.time()) + 3)
    async with reached(address_of(server, Credentials(credentials_file=str(file)))) as bus:
        operator.write_credentials(file)
        first = bus._wire
        await eventually(lambda: bus.connected and bus._wire is not first, "another connection")
        assert await first.lost == "User Authentication Expired"


# --------------------------------------------------------------------------------------------------------- permissions


async def test_a_subject_that_is_not_allowed(start_server, capsys):
    """A request that the bus does not allow fails at once, and is logged once, not each time."""
    logs.setup("test")
    server = start_server(authorization=USERS)
    async with reached(address_of(server, Credentials("", "processor", "ProcessorPassword"))) as bus:
        for _ in range(3):
            async with asyncio.timeout(DEADLINE):
                with pytest.raises(NotPermitted, match=r"\$JS\.API\.INFO"):
                    await bus.request("$JS.API.INFO", b"", 1000)
        assert bus.connected
        await bus.subscribe("coburn.gl.logger", lambda _: None)
        await bus.flush()
    assert capsys.readouterr().out.count("the bus complains") == 2


# ------------------------------------------------------------------------------------------------------ several servers


async def test_a_server_that_refuses_beside_one_that_does_not(start_server, capsys):
    """The other one is used, and the log says why the first is not."""
    logs.setup("test")
    good, bad = start_server(), start_server(authorization={"token": "AnotherToken"})
    servers = tuple(ServerAddress("127.0.0.1", server.port) for server in (bad, good))
    for _ in range(6):  # in random order
        async with reached(BusAddress(servers, Credentials(TOKEN))) as bus:
            assert bus._wire.server.port == good.port
    said = capsys.readouterr().out
    assert "server of the bus not used" in said
    assert f"the bus at 127.0.0.1:{bad.port} refuses the token" in said


async def test_all_refuse_after_a_reconnect(start_server, free_port):
    """Once connected, a refusal is final only if every server says so: one that is away may take us later."""
    server = start_server()
    servers = (ServerAddress("127.0.0.1", server.port), ServerAddress("127.0.0.1", free_port))
    bus = Bus(BusAddress(servers, Credentials(TOKEN)), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await bus.opened()
    server.kill()
    server.token = "AnotherToken"
    await asyncio.to_thread(server.start)
    await eventually(lambda: "authentication error" in server.log)
    assert not running.done()
    with pytest.raises(BusAway):
        await bus.publish("a", b"")
    server.kill()
    server.token = TOKEN
    await asyncio.to_thread(server.start)
    await eventually(lambda: bus.connected, "the bus")
    await bus.close()
    await running
