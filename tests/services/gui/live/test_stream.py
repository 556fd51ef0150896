"""The event stream of the live view."""

import asyncio
from types import SimpleNamespace

import pytest

from services.gui.live.calls import LiveCalls
from services.gui.pages import live as page
from services.gui.web.visit import Refused


class Stream:
    """The parts of a visit and of its response that the stream uses. Calls come as fast as they are sent."""

    def __init__(self, calls):
        self.deps, self.query, self.user = SimpleNamespace(live=calls), {}, SimpleNamespace(session="s", name="vera")
        self.is_signed_in, self.sent = True, 0

    async def event_stream(self):
        return self

    async def is_still_signed_in(self):
        return self.is_signed_in

    async def write(self, _):
        self.sent += 1
        self.is_signed_in = False
        for watcher in self.deps.live._watchers:
            watcher.queue.put_nowait(object())
        await asyncio.sleep(0)


async def test_a_stream_ends_with_the_session_also_if_calls_come_all_the_time(monkeypatch):
    monkeypatch.setattr(page, "_HEARTBEAT_S", 0.05)
    monkeypatch.setattr(page, "_event", lambda *_: b"")
    calls = LiveCalls()
    stream = Stream(calls)
    async with asyncio.timeout(20) as limit:  # the stream takes a cancellation for its end
        await page.stream(stream)
    assert not limit.expired()
    assert stream.sent > 2
    assert calls.watchers == 0


async def test_a_session_has_a_limited_number_of_streams():
    calls = LiveCalls()
    watchers = [calls.watch(page.CallFilter(), "s") for _ in range(10)]
    calls.watch(page.CallFilter(), "another")
    with pytest.raises(Refused) as refused:
        await page.stream(Stream(calls))
    assert refused.value.status == 429
    calls.leave(watchers[0])
    assert calls.watched_by("s") == 9
