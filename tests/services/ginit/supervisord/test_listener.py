"""supervisord's event listener protocol."""

import asyncio
import os

from hypothesis import given
from hypothesis import strategies as st

from services.ginit.supervisord.listener import EventListener, NotificationParser
from tests.support.waiting import eventually


def message(serial, payload, event="PROCESS_STATE_EXITED"):
    head = f"ver:3.0 server:supervisor serial:9{serial} pool:ginit poolserial:{serial} eventname:{event}"
    return f"{head} len:{len(payload)}\n{payload}".encode()


EXITED = "processname:one groupname:one from_state:RUNNING expected:0 pid:77"


@given(st.integers(1, 20))
def test_notifications_do_not_depend_on_the_chunks(size):
    """However they arrive, two notifications are two notifications."""
    data = message(1, EXITED) + message(2, "", "SUPERVISOR_STATE_CHANGE_STOPPING")
    parser = NotificationParser()
    found = [one for start in range(0, len(data), size) for one in parser.feed(data[start : start + size])]
    assert [(one.event, one.serial, one.slug, one.pid) for one in found] == [
        ("PROCESS_STATE_EXITED", 1, "one", 77),
        ("SUPERVISOR_STATE_CHANGE_STOPPING", 2, "", 0),
    ]


async def test_each_notification_is_acknowledged():
    """supervisord sends the next event only after that; its end is noticed as well."""
    events, our_end = os.pipe()
    answers, their_end = os.pipe()
    notifications, closed = [], asyncio.Event()
    listener = EventListener(notifications.append, closed.set, (events, their_end))
    listener.open()
    assert os.read(answers, 100) == b"READY\n"
    os.write(our_end, message(1, EXITED))
    await eventually(lambda: notifications)
    assert os.read(answers, 100) == b"RESULT 2\nOKREADY\n"
    os.close(our_end)
    await closed.wait()
    for descriptor in (events, answers, their_end):
        os.close(descriptor)
