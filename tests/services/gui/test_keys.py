"""Client keys by their pages, on a real bus, with the store of the command `keys`."""

import asyncio
import re

import pytest

from gecholog import key_store
from gecholog.bus_address import BusAddress
from gecholog.bus_storage import BusStorage
from tests.support.gui import SECRET, Browser

_SECRET = re.compile(r'<code id="secret">([^<]+)</code>')


@pytest.fixture
def admin(nats_server, start_gui, browser, home):
    (home / "conf").mkdir(parents=True)
    config = '{"gl_port": 5999, "service_bus": {"hostname": "%s", "token": "%s"}}'
    (home / "conf" / "gl_config.json").write_text(config % (nats_server.hostname, nats_server.token))
    start_gui(bus=nats_server.hostname, token=nats_server.token)
    assert browser.sign_in(password=SECRET).status == 302
    return browser


def stored(nats_server):
    async def read():
        address = BusAddress.of(nats_server.hostname, nats_server.token)
        async with key_store.opened(address, BusStorage()) as store:
            return (await store.read()).keys

    return asyncio.run(read())


def test_a_key_from_its_creation_to_its_end(admin, nats_server):
    assert "No keys yet" in admin.get("/keys").text
    reply = admin.submit("/keys", "/keys", name="ci <b>", owner="platform", budget="20/month", rpm="60")
    assert reply.status == 201
    text = _SECRET.search(reply.text)[1]
    assert "ci &lt;b&gt;" in reply.text
    assert f"http://127.0.0.1:5999/v1&#34;, api_key=&#34;{text}" in reply.text
    ((key_id, key),) = stored(nats_server).items()
    assert (key.name, key.owner, key.limits.quotas.rpm) == ("ci <b>", "platform", 60)
    assert text not in admin.get("/keys").text

    page = f"/keys/{key_id}"
    stale = re.search(r'name="revision" value="(\d+)"', admin.get(page).text)[1]
    assert admin.submit(page, page, name="ci", revision=stale).status == 302
    assert admin.submit(page, page, name="late", revision=stale).status == 409
    assert stored(nats_server)[key_id].name == "ci"
    assert admin.submit(page, page, name="ci", rpm="none", revision=stale).status == 400

    rotated = admin.submit(page, f"{page}/rotate", grace="7")
    assert _SECRET.search(rotated.text)[1] != text
    assert stored(nats_server)[key_id].previous_hash == key.hash
    admin.submit(page, f"{page}/disable")
    assert stored(nats_server)[key_id].disabled
    admin.submit(page, f"{page}/enable")
    assert not stored(nats_server)[key_id].disabled
    assert admin.submit(page, f"{page}/delete").location == "/keys"
    assert stored(nats_server) == {}
    assert admin.get(page).status == 404
    assert "delete client key" in admin.get("/audit").text


def test_without_a_bus_the_page_says_so(admin, nats_server):
    nats_server.kill()
    reply = admin.get("/keys")
    assert reply.status == 503
    assert "bus" in reply.text
    assert Browser(admin.port).sign_in().status == 302
