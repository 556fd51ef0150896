"""When tokens are asked for, and which one is in force, by a clock that the test moves."""

import asyncio
import sys

import pytest

from services.gl.credentials import provider_tokens
from services.gl.credentials.provider_tokens import ProviderTokens
from services.gl.errors import UpstreamError
from services.gl.models.google_identity import GoogleIdentity
from tests.services.gl.rig.stage import built

ENTRA = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
CONFIG = built(
    [{"path": "/v1/", "outbound": {"models": ["*"]}}],
    providers=[{"name": "azure", "dialect": "azure", "url": "https://a.example", "entra_id": ENTRA}],
)


class Fake:
    """The credential, the clock, and what is in force; `next` is the next token, or why there is none."""

    def __init__(self):
        self.now = 1000.0
        self.next = "first"
        self.asked = asyncio.Semaphore(0)
        self.changed = asyncio.Semaphore(0)
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.closed = 0
        self.config = CONFIG
        self.tokens = ProviderTokens(lambda: self.config, self.changed.release, self.make, lambda: self.now)

    async def make(self, _identity, _tls):
        return self

    async def token(self):
        self.asked.release()
        await self.go_on.wait()
        if isinstance(self.next, Exception):
            raise self.next
        return self.next, self.now + 3600

    async def close(self):
        self.closed += 1

    def in_force(self):
        target = self.tokens.applied(CONFIG).provider_routers["/v1/", "azure"].target
        assert ("Authorization" in target.headers) != ("Authorization" in target.removed)
        return target.headers.get("Authorization")


@pytest.fixture
async def fake():
    made = Fake()
    await made.tokens.prepare(CONFIG)
    await made.asked.acquire()
    await made.changed.acquire()
    running = asyncio.create_task(made.tokens.run())
    yield made
    running.cancel()
    await asyncio.wait([running])
    assert made.closed == 1


async def test_renewed_before_it_expires(fake):
    """Five minutes before; the old token is in force until the new one is there."""
    assert fake.in_force() == ["Bearer first"]
    fake.now, fake.next = 1000 + 3299, "second"
    fake.tokens.refresh()
    for _ in range(5):
        await asyncio.sleep(0)
    assert fake.asked.locked()
    fake.go_on.clear()
    fake.now += 1
    fake.tokens.refresh()
    await fake.asked.acquire()
    assert fake.in_force() == ["Bearer first"]
    fake.go_on.set()
    await fake.changed.acquire()
    assert fake.in_force() == ["Bearer second"]


async def test_kept_until_it_expires(fake):
    """If there is no new one."""
    fake.now, fake.next = 1000 + 3300, UpstreamError(503, "no")
    fake.tokens.refresh()
    await fake.asked.acquire()
    assert fake.in_force() == ["Bearer first"]
    fake.now = 1000 + 3600
    fake.tokens.refresh()
    await fake.changed.acquire()
    assert fake.in_force() is None


async def test_a_fault_of_the_library_is_a_failure(fake):
    """It does not end the service."""
    fake.now, fake.next = 1000 + 3600, RuntimeError("a fault")
    fake.tokens.refresh()
    await fake.changed.acquire()
    assert fake.in_force() is None
    fake.now, fake.next = fake.now + 60, "third"
    fake.tokens.refresh()
    await fake.changed.acquire()
    assert fake.in_force() == ["Bearer third"]


async def test_closed_when_nobody_wants_it(fake):
    """A config without the provider."""
    fake.config = built()
    fake.tokens.refresh()
    while not fake.closed:  # noqa: ASYNC110 - closing tells nobody
        await asyncio.sleep(0)


async def test_how_soon_it_heals(fake):
    """It asks again after 5 seconds, then after twice as long each time, up to a minute."""
    fake.now, fake.next = 1000 + 3600, UpstreamError(503, "away")
    fake.tokens.refresh()
    await fake.changed.acquire()
    await fake.asked.acquire()
    for pause in (5, 10, 20, 40, 60, 60):
        fake.now += pause - 1
        fake.tokens.refresh()
        for _ in range(5):
            await asyncio.sleep(0)
        assert fake.asked.locked()
        fake.now += 1
        fake.tokens.refresh()
        await fake.asked.acquire()
        for _ in range(5):
            await asyncio.sleep(0)
    fake.now, fake.next = fake.now + 60, "back"
    fake.tokens.refresh()
    await fake.changed.acquire()
    assert fake.in_force() == ["Bearer back"]


async def test_a_missing_library_is_named(monkeypatch):
    """Its users learn what to install."""
    monkeypatch.setitem(sys.modules, "google.auth", None)
    monkeypatch.delitem(sys.modules, "services.gl.credentials.google_credential", raising=False)
    with pytest.raises(UpstreamError) as caught:
        await provider_tokens._source(GoogleIdentity(), CONFIG.outbound_context)
    assert caught.value.reason == "google.auth is not installed (pip install 'google-auth[requests]')"
