"""When credentials of AWS are looked up, and what is in force, by a clock that the test moves."""

import asyncio

import pytest

from services.gl.credentials.aws_credentials import CredentialStore
from services.gl.errors import UpstreamError
from tests.services.gl.rig.stage import built

CONFIG = built(
    [{"path": "/v1/", "outbound": {"models": ["*"]}}],
    providers=[{"name": "aws", "dialect": "bedrock", "region": "eu-central-1"}],
)


class Found:
    """Credentials of a lookup from nothing, the `number`th."""

    def __init__(self, fake, number):
        self.fake = fake
        self.number = number

    def load(self):
        self.fake.looks += 1
        if self.fake.reason:
            raise UpstreamError(503, self.fake.reason)

    def has_expired(self):
        return self.fake.now >= self.fake.expires


class Fake:
    """The chain of credentials; `reason` is why it finds none."""

    def __init__(self):
        self.now, self.expires = 1000.0, 10**9
        self.reason = ""
        self.looks = self.made = 0
        self.config = CONFIG
        self.store = CredentialStore(lambda: self.config, self.make, lambda: self.now)

    def make(self):
        self.made += 1
        return Found(self, self.made)

    async def at(self, now, looks):
        """Move the clock, and wait until there were so many looks."""
        self.now = now
        self.store.refresh()
        while self.looks < looks:  # noqa: ASYNC110 - a thread looks, and tells nobody
            await asyncio.sleep(0.001)
        await self.settled()

    async def settled(self):
        """Wait until the store has noted the outcome of a look."""
        async with self.store._lock:
            pass


@pytest.fixture
async def fake():
    return Fake()


@pytest.fixture
async def running(fake):
    await fake.store.prepare(CONFIG)
    task = asyncio.create_task(fake.store.run())
    yield fake
    task.cancel()
    await asyncio.wait([task])


async def test_there_before_the_first_call(running):
    assert running.store.get().number == 1


async def test_not_looked_for_without_need(fake):
    await fake.store.prepare(built())
    assert fake.made == 0
    with pytest.raises(UpstreamError, match="not there yet"):
        fake.store.get()


async def test_how_soon_it_heals(running):
    """Renewal fails: the credentials that there are stay until they expire. It tries after 5 s, then twice as long."""
    running.reason, running.expires = "the metadata server is away", 1120.0
    await running.at(1060, 2)
    assert running.store.get().number == 1
    for now, looks in ((1065, 3), (1075, 4), (1095, 5)):
        await running.at(now, looks)
        assert running.store.get().number == 1
    await running.at(1135, 6)
    with pytest.raises(UpstreamError, match="metadata server is away"):
        running.store.get()
    running.reason = ""
    await running.at(1195, 7)
    assert running.store.get().number == 2
    assert running.looks == 7


async def test_refused_by_aws(running):
    """It starts from nothing, two seconds after the last look."""
    running.store.refused("ExpiredToken")
    await running.at(1001.9, 1)
    assert running.made == 1
    await running.at(1002, 2)
    assert running.store.get().number == 2
