"""Responses leave in the order of their requests."""

from services.gl.errors import Refusal
from services.gl.server.exchange_queue import ExchangeQueue
from services.gl.server.request_reader import MOST_QUEUED


class FakeExchange:
    """An exchange that remembers what became of it."""

    def __init__(self, received=0):
        self.request_body = self
        self.received = received
        self.refusal = None
        self.is_gone = False

    def refuse(self, refusal):
        self.refusal = refusal

    def client_disconnected(self):
        self.is_gone = True


def filled(*exchanges):
    queue = ExchangeQueue()
    return queue, [queue.add(exchange) for exchange in exchanges]


def test_one_after_the_other():
    first, second, third = FakeExchange(), FakeExchange(), FakeExchange()
    queue, turns = filled(first, second, third)
    assert turns == [True, False, False]
    queue.current = None
    assert (queue.next(), queue.current) == (second, second)
    assert list(queue.waiting) == [third]


def test_full():
    queue, _ = filled(*[FakeExchange() for _ in range(MOST_QUEUED)])
    assert not queue.is_full
    queue.add(FakeExchange())
    assert queue.is_full


def test_bytes_that_nobody_has_asked_for():
    queue, _ = filled(FakeExchange(100))
    assert queue.unasked_bytes == 100, "the current request is arriving"
    queue.add(FakeExchange(20))
    queue.add(FakeExchange(3))
    assert queue.unasked_bytes == 23, "the current request is complete"


def test_a_request_that_cannot_be_read_to_its_end():
    refusal = Refusal(400, "bad")
    first, second = FakeExchange(), FakeExchange()
    queue, _ = filled(first)
    queue.drop_arriving(refusal)
    assert (first.refusal, queue.current, queue.arriving) == (refusal, first, None)
    queue.add(second)
    queue.drop_arriving(refusal)
    assert (second.refusal, list(queue.waiting)) == (None, [])


def test_a_client_that_leaves():
    exchanges = [FakeExchange(), FakeExchange()]
    queue, _ = filled(*exchanges)
    queue.cancel()
    assert all(exchange.is_gone for exchange in exchanges)
    assert (queue.current, queue.arriving, len(queue.waiting)) == (None, None, 0)
