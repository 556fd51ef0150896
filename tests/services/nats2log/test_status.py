"""The status of a sink."""

import json

from gecholog.errors import BusAway
from services.nats2log.consume import RecordSource
from services.nats2log.counters import SinkCounters
from services.nats2log.lag import ConsumerLag
from services.nats2log.status import StatusReporter


class Neighbour:
    """Fakes for consumer and delivery."""

    source = RecordSource.RECORD_LOG
    pending = 3

    def __init__(self, lag):
        self._lag = lag

    async def lag(self):
        if self._lag is None:
            raise BusAway("no bus")
        return self._lag


class Question:
    def __init__(self):
        self.answers = []

    async def answer(self, data):
        self.answers.append(json.loads(data))


def status(lag, counters):
    neighbour = Neighbour(lag)
    return StatusReporter("file_writer", neighbour, neighbour, counters)


async def test_a_minute(said):
    """One line with lag, throughput and failures."""
    await status(ConsumerLag(7, 0.5), SinkCounters(written=60, failed_attempts=2)).report()
    (line,) = said()
    assert line["msg"] == "status"
    assert (line["lag"], line["written"], line["failed_attempts"], line["percent_of_limits"]) == (7, 60, 2, 50)
    assert line["records_per_second"] > 0


async def test_near_the_limits(said):
    """From 80 percent on an error is logged."""
    await status(ConsumerLag(7, 0.8), SinkCounters()).report()
    assert [entry["level"] for entry in said()] == ["INFO", "ERROR"]


async def test_answer():
    """A status request gets the same fields, and the outage if there is one."""
    question = Question()
    await status(ConsumerLag(7), SinkCounters(outage="status 503", outage_since="then")).answer(question)
    (answer,) = question.answers
    assert (answer["lag"], answer["outage"], answer["outage_since"]) == (7, "status 503", "then")


async def test_without_a_bus():
    """The lag is unknown."""
    question = Question()
    await status(None, SinkCounters()).answer(question)
    assert question.answers[0]["lag"] is None
