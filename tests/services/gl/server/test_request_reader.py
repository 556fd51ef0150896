"""Requests out of bytes: the same however the bytes are cut."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from services.gl.server.refusals import HeadRefusal
from services.gl.server.request_reader import END, MOST_QUEUED, RequestHead, RequestReader

LIMIT = 300

PLAIN = b"GET /a?b HTTP/1.1\r\nHost: g\r\n\r\n"
SIZED = b"POST /s HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nfirst"
CHUNKED = b"POST /c HTTP/1.0\r\nX: 1\r\nX: 2\r\n\r\n"
OFFERING = b"POST /o HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok"
CONTINUED = (
    b"PUT /e HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
)
BAD = b"GET / RTSP/1.0\r\n\r\n"
LARGE = b"GET / HTTP/1.1\r\nHost: g\r\nX: " + b"x" * LIMIT + b"\r\n\r\n"


def read(pieces):
    """All events, pieces of one body joined; requests that were sent ahead are read at once."""
    reader, events = RequestReader(), []
    for piece in pieces:
        data = piece
        while data:
            for event in reader.feed(data, LIMIT):
                if isinstance(event, bytes) and isinstance(events[-1], bytes):
                    events[-1] += event
                else:
                    events.append(event)
                if isinstance(event, HeadRefusal):
                    return events
            data = reader.next_piece() if reader.ahead else b""
    return events


def told(events):
    """Events as values that can be compared."""
    return [(event.status, event.text) if isinstance(event, HeadRefusal) else event for event in events]


def test_events_of_a_request():
    assert read([SIZED]) == [
        RequestHead("POST", "/s", "1.1", {"Host": ["g"], "Content-Length": ["5"]}, True, 5, False),
        b"first",
        END,
    ]


def test_an_offer_of_another_protocol_is_left_out():
    (head, body, end) = read([OFFERING])
    assert (head.target, set(head.headers), body, end) == ("/o", {"Host", "Content-Length"}, b"ok", END)


def test_a_client_that_waits_for_continue():
    heads = [event for event in read([CONTINUED, SIZED]) if isinstance(event, RequestHead)]
    assert [head.expects_continue for head in heads] == [True, False]
    assert [head.is_chunked for head in heads] == [True, False]


def test_a_refusal_is_the_last_event():
    assert told(read([PLAIN + BAD + PLAIN]))[2:] == [(505, "protocol not supported")]
    assert told(read([LARGE + PLAIN])) == [(431, "request head too large")]


@given(
    st.lists(st.sampled_from([PLAIN, SIZED, CHUNKED, OFFERING, CONTINUED]), max_size=6),
    st.sampled_from([b"", BAD, b"\x16\x03\x01", b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: x\r\n\r\n"]),
    st.lists(st.integers(0, 1200), max_size=12),
)
@example([SIZED, CONTINUED, PLAIN], b"", list(range(1, 300)))
def test_the_same_events_however_the_bytes_are_cut(requests, last, cuts):
    data = b"".join(requests) + last
    borders = [0, *sorted(cut for cut in set(cuts) if cut < len(data)), len(data)]
    pieces = [data[start:end] for start, end in pairwise(borders)]
    assert told(read(pieces)) == told(read([data]))


def test_many_requests_are_kept_as_bytes():
    reader = RequestReader()
    events = reader.feed(PLAIN * 1000, LIMIT)
    assert len(events) < 2 * (MOST_QUEUED + 256 // len(PLAIN) + 2)
    count = len(events)
    while reader.ahead:
        count += len(reader.feed(reader.next_piece(), LIMIT))
    assert count == 2000


def test_what_has_come_of_a_head():
    reader = RequestReader()
    assert not reader.has_partial_head
    assert reader.feed(b"GET /some/path?q HTTP/1.1\r\nHost: g\r\nX", LIMIT) == []
    assert reader.has_partial_head
    assert (reader.path, reader.headers) == ("/some/path", {"Host": ["g"]})
    assert len(reader.feed(b": 1\r\n\r\n", LIMIT)) == 2
    assert not reader.has_partial_head
